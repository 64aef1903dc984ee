<?xml version="1.0" encoding="UTF-8"?>
<!-- What the peer of the convert rows does: the answer as the same JSON, by one stylesheet written for it. No schema, no checks; no value of the bench needs escaping in JSON, so none is done. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:cd="http://bench.example/congdan"
    xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <xsl:output method="text" encoding="UTF-8" media-type="application/json"/>
  <xsl:strip-space elements="*"/>
  <xsl:template match="/">
    <xsl:text>{"CongDan":[</xsl:text>
    <xsl:for-each select="soap:Envelope/soap:Body/cd:TraCuuResponse/cd:CongDan">
      <xsl:if test="position() != 1">,</xsl:if>
      <xsl:text>{"@phienBan":"</xsl:text><xsl:value-of select="@phienBan"/>
      <xsl:text>","@daXacThuc":</xsl:text><xsl:value-of select="@daXacThuc"/>
      <xsl:text>,"SoDinhDanh":"</xsl:text><xsl:value-of select="cd:SoDinhDanh"/>
      <xsl:text>","HoVaTen":{"Ho":"</xsl:text><xsl:value-of select="cd:HoVaTen/cd:Ho"/>
      <xsl:text>","ChuDem":"</xsl:text><xsl:value-of select="cd:HoVaTen/cd:ChuDem"/>
      <xsl:text>","Ten":"</xsl:text><xsl:value-of select="cd:HoVaTen/cd:Ten"/>
      <xsl:text>"},"GioiTinh":"</xsl:text><xsl:value-of select="cd:GioiTinh"/>
      <xsl:text>","NgaySinh":"</xsl:text><xsl:value-of select="cd:NgaySinh"/>
      <xsl:text>","NgayMat":</xsl:text>
      <xsl:choose>
        <xsl:when test="cd:NgayMat/@xsi:nil = 'true'">null</xsl:when>
        <xsl:otherwise>"<xsl:value-of select="cd:NgayMat"/>"</xsl:otherwise>
      </xsl:choose>
      <xsl:text>,"ThuongTru":{"@maTinh":"</xsl:text><xsl:value-of select="cd:ThuongTru/@maTinh"/>
      <xsl:text>","MaPhuongXa":"</xsl:text><xsl:value-of select="cd:ThuongTru/cd:MaPhuongXa"/>
      <xsl:text>","ChiTiet":"</xsl:text><xsl:value-of select="cd:ThuongTru/cd:ChiTiet"/>
      <xsl:text>","TuNgay":"</xsl:text><xsl:value-of select="cd:ThuongTru/cd:TuNgay"/>
      <xsl:text>"},"ThuNhap":{"@donVi":"</xsl:text><xsl:value-of select="cd:ThuNhap/@donVi"/>
      <xsl:text>","$":"</xsl:text><xsl:value-of select="cd:ThuNhap"/>
      <xsl:text>"},"SoNguoiPhuThuoc":</xsl:text><xsl:value-of select="cd:SoNguoiPhuThuoc"/>
      <xsl:if test="cd:DienThoai">
        <xsl:text>,"DienThoai":[</xsl:text>
        <xsl:for-each select="cd:DienThoai"><xsl:if test="position() != 1">,</xsl:if>"<xsl:value-of select="."/>"</xsl:for-each>
        <xsl:text>]</xsl:text>
      </xsl:if>
      <xsl:text>,"CapNhat":"</xsl:text><xsl:value-of select="cd:CapNhat"/>
      <xsl:text>"}</xsl:text>
    </xsl:for-each>
    <xsl:text>]}</xsl:text>
  </xsl:template>
</xsl:stylesheet>
