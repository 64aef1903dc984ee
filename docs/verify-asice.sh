#!/bin/sh
# Checks a container that proves one exchange (docs/protocol/export.md), with a POSIX shell, openssl 3.0 or later, unzip, awk, sed, od.
#   verify-asice.sh [--authorities PEM] [--tsa PEM] [--log-keys FILE] [--witnesses FILE] CONTAINER
# Files of keys hold one C2SP verifier key a line. What is not given is taken from the container and reported as not tied.
# Exit: 0 all checked; 1 a part fails (named in the last line); 2 it could not be checked; 3 it fits, but not all is tied.
set -u
LC_ALL=C
export LC_ALL
umask 077

usage() {
    echo "usage: verify-asice.sh [--authorities PEM] [--tsa PEM] [--log-keys FILE] [--witnesses FILE] CONTAINER" >&2
    exit 2
}
cannot() { echo "cannot check: $1" >&2; exit 2; }
fail() { printf 'FAILED %s: %s\n' "$1" "$2"; exit 1; }
ok() { printf 'ok     %s: %s\n' "$1" "$2"; }
none() { printf 'none   %s: %s\n' "$1" "$2"; }
loose=0
untied() { printf 'UNTIED %s: %s\n' "$1" "$2"; loose=$((loose + 1)); }

authorities='' tsa='' log_keys='' witnesses='' container=''
while [ $# -gt 0 ]; do
    case $1 in
        --authorities | --tsa | --log-keys | --witnesses)
            [ $# -ge 2 ] && [ -r "$2" ] || cannot "$1 names no readable file"
            case $1 in
                --authorities) authorities=$2 ;;
                --tsa) tsa=$2 ;;
                --log-keys) log_keys=$2 ;;
                --witnesses) witnesses=$2 ;;
            esac
            shift 2
            ;;
        -*) usage ;;
        *) [ -z "$container" ] || usage; container=$1; shift ;;
    esac
done
[ -n "$container" ] || usage
[ -r "$container" ] || cannot "$container is not readable"
for tool in openssl unzip awk sed od tr sort uniq comm grep xargs dd cmp mktemp; do
    command -v "$tool" >/dev/null 2>&1 || cannot "$tool is not there"
done
T=$(mktemp -d) || cannot "no temporary folder"
trap 'rm -rf "$T"' EXIT
trap 'exit 2' HUP INT TERM
absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
container=$(absolute "$container")
for given in authorities tsa log_keys witnesses; do
    eval "value=\$$given"
    [ -z "$value" ] || eval "$given=\$(absolute \"\$value\")"
done

# ---- tools -----------------------------------------------------------------------------------------------------------------------

# Hexadecimal SHA-256 of standard input.
sha() { openssl dgst -sha256 -binary | od -An -v -tx1 | tr -d ' \n'; }
sha_base64() { openssl dgst -sha256 -binary <"$1" | openssl base64 -A; }
hex_of() { od -An -v -tx1 <"$1" | tr -d ' \n'; }
size_of() { wc -c <"$1" | tr -d ' '; }
# The bytes of hexadecimal digits.
unhex() {
    # The format consists of \ooo only.
    # shellcheck disable=SC2059
    printf "$(printf '%s\n' "$1" | awk '{
        h = "0123456789abcdef"
        for (i = 1; i < length($0); i += 2)
            printf "\\%03o", (index(h, substr($0, i, 1)) - 1) * 16 + index(h, substr($0, i + 1, 1)) - 1
    }')"
}
node_hash() { unhex "01$1$2" | sha; }
# unbase64 TEXT FILE: strictly; fails on anything that does not come back the same.
unbase64() {
    printf '%s\n' "$1" | openssl base64 -d -A >"$2" 2>/dev/null || return 1
    [ "$(openssl base64 -A <"$2")" = "$1" ]
}
# field FILE NAME PATTERN: the value of the one line `NAME value`; empty if there is none such.
field() {
    [ "$(grep -c "^$2 " "$1")" = 1 ] || return 0
    sed -n "s/^$2 \\($3\\)\$/\\1/p" "$1"
}
NUMBER='[0-9][0-9]'
COUNT='[0-9]\{1,18\}'
is_count() { case $1 in '' | *[!0-9]* | 0?* | ???????????????????*) return 1 ;; esac; }
# Seconds since 1970 of 2026-11-22T05:04:03[.fff]Z; empty if it is none.
epoch() {
    printf '%s\n' "$1" | awk '
        /^[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]+)?Z$/ {
            y = substr($0, 1, 4) + 0; m = substr($0, 6, 2) + 0; d = substr($0, 9, 2) + 0
            if (m <= 2) { y--; m += 12 }
            days = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469
            printf "%d\n", days * 86400 + substr($0, 12, 2) * 3600 + substr($0, 15, 2) * 60 + substr($0, 18, 2)
        }'
}
# RFC 3339 of seconds since 1970.
date_of() {
    awk -v t="$1" 'BEGIN {
        s = t % 86400; z = (t - s) / 86400 + 719468
        era = int(z / 146097); doe = z - era * 146097
        yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365)
        doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100)); mp = int((5 * doy + 2) / 153)
        d = doy - int((153 * mp + 2) / 5) + 1; m = mp < 10 ? mp + 3 : mp - 9; y = yoe + era * 400 + (m <= 2)
        printf "%04d-%02d-%02dT%02d:%02d:%02dZ\n", y, m, d, int(s / 3600), int(s % 3600 / 60), s % 60
    }'
}
# The time that a token states, in seconds; `openssl ts` prints it as "Nov 22 05:04:03 2026 GMT".
token_time() {
    stated=$(openssl ts -reply -in "$1" -token_in -token_out -text 2>/dev/null | sed -n 's/^Time stamp: //p')
    epoch "$(printf '%s\n' "$stated" | awk 'NF == 5 && $5 == "GMT" {
        m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3
        sub(/\..*/, "", $3)
        printf "%04d-%02d-%02dT%sZ\n", $4, m, $2, $3
    }')"
}
# PEM of an Ed25519 key from its 32 bytes.
ed25519_pem() {
    { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cat "$1"; } |
        openssl pkey -pubin -inform DER -out "$2" 2>/dev/null
}
# ed25519 KEY.PEM DATA SIGNATURE
ed25519() { openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1; }

# ---- the archive -----------------------------------------------------------------------------------------------------------------

unzip -Z1 "$container" >"$T/names" 2>/dev/null || fail archive "it is no ZIP archive"
[ "$(wc -l <"$T/names")" -le 4000 ] || fail archive "it has more members than any container"
grep -v '^[A-Za-z0-9][A-Za-z0-9./-]*$' "$T/names" >/dev/null && fail archive "a member has a name that none may have"
grep -e '\.\.' -e '//' -e '/$' "$T/names" >/dev/null && fail archive "a member has a name that none may have"
[ -z "$(sort "$T/names" | uniq -d)" ] || fail archive "two members have one name"
[ "$(head -n 1 "$T/names")" = mimetype ] || fail mimetype "it is not the first member"
[ "$(dd if="$container" bs=1 skip=30 count=39 2>/dev/null)" = 'mimetypeapplication/vnd.etsi.asic-e+zip' ] ||
    fail mimetype "it does not stand where an ASiC-E container has it"
total=$(unzip -Z -t "$container" 2>/dev/null | sed -n 's/.* \([0-9]*\) bytes uncompressed.*/\1/p')
is_count "$total" && [ "$total" -le 268435456 ] || fail archive "it unpacks to more than 256 MiB"
mkdir "$T/c" || cannot "no temporary folder"
unzip -q -o "$container" -d "$T/c" </dev/null >/dev/null 2>&1 || fail archive "it does not unpack"
cd "$T/c" || cannot "no temporary folder"
[ -z "$(find . ! -type f ! -type d)" ] || fail archive "it holds something that is no file"
[ "$(cat mimetype)" = 'application/vnd.etsi.asic-e+zip' ] && [ "$(size_of mimetype)" = 31 ] || fail mimetype "it is another"
ok archive "$(wc -l <"$T/names" | tr -d ' ') members"

# ---- manifests -------------------------------------------------------------------------------------------------------------------

# Reads a manifest strictly, in the form that the exporter writes: `digest name` lines on standard output.
read_manifest() {
    awk -v seal="$2" -v seal_type="$3" '
        function bad() { wrong = 1; exit 1 }
        NR == 1 { if ($0 != "<?xml version=\"1.0\" encoding=\"UTF-8\"?>") bad(); next }
        NR == 2 { if ($0 != "<asic:ASiCManifest xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">") bad(); next }
        NR == 3 { if ($0 != "<asic:SigReference URI=\"" seal "\" MimeType=\"" seal_type "\"/>") bad(); next }
        closed { bad() }
        state == 0 && $0 == "</asic:ASiCManifest>" { closed = 1; next }
        state == 0 && /^<asic:DataObjectReference URI="[A-Za-z0-9.\/-]+" MimeType="[a-z0-9.+\/-]+">$/ { split($0, q, "\""); name = q[2]; state = 1; next }
        state == 1 && $0 == "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>" { state = 2; next }
        state == 2 && /^<ds:DigestValue>[A-Za-z0-9+\/]+=<\/ds:DigestValue>$/ { sub(/^<ds:DigestValue>/, ""); sub(/<\/ds:DigestValue>$/, ""); print $0 " " name; state = 3; next }
        state == 3 && $0 == "</asic:DataObjectReference>" { state = 0; next }
        { bad() }
        END { if (wrong || !closed) exit 1 }' "$1"
}
check_manifest() {
    read_manifest "$1" "$2" "$3" >"$T/list" || fail "$1" "it does not have the form of a manifest of this kind"
    [ -z "$(sed 's/^[^ ]* //' "$T/list" | sort | uniq -d)" ] || fail "$1" "it names a member twice"
    while read -r digest name; do
        [ -f "$name" ] || fail "$name" "$1 names it, and it is not there"
    done <"$T/list"
    # Both as `hexadecimal digest *name`, so that one call of openssl is enough.
    awk '{
        bits = 0; n = 0; out = ""
        for (i = 1; i <= length($1); i++) {
            v = index("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", substr($1, i, 1)) - 1
            if (v < 0) break
            n = n * 64 + v; bits += 6
            while (bits >= 4) { bits -= 4; h = int(n / 2 ^ bits); out = out substr("0123456789abcdef", h + 1, 1); n -= h * 2 ^ bits }
        }
        if (length(out) == 65 && n == 0 && substr(out, 65) == "0") out = substr(out, 1, 64)
        print out " *" $2
    }' "$T/list" >"$T/want"
    sed 's/^[^ ]* //' "$T/list" | xargs openssl dgst -sha256 -r >"$T/have" || fail "$1" "the digests cannot be made"
    name=$(awk 'NR == FNR { want[NR] = $0; next } $0 != want[FNR] { sub(/^[^*]*\*/, ""); print; exit }' "$T/want" "$T/have")
    [ -z "$name" ] || fail "$name" "it does not have the digest in $1"
    cmp -s "$T/want" "$T/have" || fail "$1" "the digests do not agree"
    { sed 's/^[^ ]* //' "$T/list"; printf '%s\n' mimetype "$1" "$2"; [ -z "$4" ] || printf '%s\n' META-INF/ASiCManifest002.xml META-INF/timestamp002.tst; } | sort -u >"$T/listed"
    name=$(sort "$T/names" | comm -23 - "$T/listed" | head -n 1)
    [ -z "$name" ] || fail "$name" "$1 does not name it"
    ok "$1" "digests of $(wc -l <"$T/list" | tr -d ' ') members"
}
M1=META-INF/ASiCManifest001.xml S1=META-INF/signature001.p7s M2=META-INF/ASiCManifest002.xml T2=META-INF/timestamp002.tst
[ -f "$M1" ] || [ -f "$M2" ] || fail META-INF "there is no manifest"
for pair in "$M1 $S1" "$M2 $T2"; do
    # Split on purpose.
    # shellcheck disable=SC2086
    set -- $pair
    if [ -f "$1" ] && [ ! -f "$2" ]; then fail "$2" "it is not there"; fi
    if [ -f "$2" ] && [ ! -f "$1" ]; then fail "$1" "it is not there"; fi
done
stamped='' signed=''
[ ! -f "$M2" ] || stamped=yes
if [ -f "$M1" ]; then
    signed=yes
    check_manifest "$M1" "$S1" application/pkcs7-signature "$stamped"
fi
if [ -n "$stamped" ]; then check_manifest "$M2" "$T2" application/vnd.etsi.timestamp-token ''; fi

[ "$(sed -n 1p exchange.txt 2>/dev/null)" = 'format lgsp-export/1' ] || fail exchange.txt "its format is not known here"
exchange=$(field exchange.txt exchange 'ex_[0-9a-f]\{32\}')
node=$(field exchange.txt node '[a-z0-9][a-z0-9.-]*')
made=$(epoch "$(field exchange.txt made '[0-9TZ:.-]*')")
[ -n "$exchange" ] && [ -n "$node" ] && [ -n "$made" ] || fail exchange.txt "exchange, node or time cannot be read"
ok exchange.txt "$exchange at node $node, exported $(date_of "$made") by its own clock"

# ---- what everything rests on ------------------------------------------------------------------------------------------------------

trusted() { # OPTION FOLDER VALUE FILE
    if [ -n "$3" ]; then
        cp "$3" "$4" || cannot "$3 is not readable"
    else
        cat "$2"/*.pem >"$4" 2>/dev/null || : >"$4"
        untied "$2" "$1 was not given: the copies in the container are used"
    fi
}
trusted --authorities authorities "$authorities" "$T/ca.pem"
trusted --tsa timestamp-authorities "$tsa" "$T/tsa.pem"
cat certificates/*.pem >"$T/between.pem" 2>/dev/null || : >"$T/between.pem"
between=''
[ ! -s "$T/between.pem" ] || between="-untrusted $T/between.pem"
# chain CERTIFICATE TIME
chain() {
    # shellcheck disable=SC2086
    openssl verify -no-CApath -no-CAstore -trusted "$T/ca.pem" $between -attime "$2" -purpose any \
        -check_ss_sig -auth_level 2 "$1" >/dev/null 2>&1
}
# names CERTIFICATE: its alternative names, one a line.
names() { openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null | sed -n '2,$p' | tr ',' '\n' | sed 's/^ *//; s/ *$//'; }
# token PART DATA TOKEN: sets `at`.
token() {
    at=$(token_time "$3")
    is_count "$at" || fail "$1" "it cannot be read as a timestamp token"
    openssl ts -verify -data "$2" -in "$3" -token_in -CAfile "$T/tsa.pem" -attime "$at" >/dev/null 2>&1 ||
        fail "$1" "it is no timestamp of an accepted authority over $2"
}

if [ -n "$signed" ]; then
    openssl cms -verify -binary -cades -inform DER -in "$S1" -content "$M1" -no-CApath -no-CAstore \
        -CAfile "$T/ca.pem" -purpose any -attime "$made" -signer "$T/signer.pem" -out /dev/null 2>/dev/null ||
        fail "$S1" "it is no signature over $M1 by a certificate of an accepted authority"
    names "$T/signer.pem" >"$T/signer.names"
    who=$(openssl x509 -in "$T/signer.pem" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')
    if grep -q '^URI:lgsp:node:' "$T/signer.names" && ! grep -q -x -F "URI:lgsp:node:$node" "$T/signer.names"; then
        fail "$S1" "it is signed for another node than $node"
    fi
    grep -q '^URI:lgsp:' "$T/signer.names" || untied "$S1" "its certificate names neither node nor agency in a form known here"
    ok "$S1" "the manifest is signed by $who"
else
    none "$S1" "the container is not signed"
fi
if [ -n "$stamped" ]; then
    token "$T2" "$M2" "$T2"
    [ "$((at + 600))" -ge "$made" ] || fail "$T2" "it is older than the container says it is"
    ok "$T2" "the container existed on $(date_of "$at")"
else
    none "$T2" "the container is not dated by an authority"
fi

# ---- delegations -------------------------------------------------------------------------------------------------------------------

mkdir "$T/d" "$T/k" "$T/p" "$T/s"
# signed_by CERTIFICATE DATA SIGNATURE
signed_by() {
    openssl x509 -in "$1" -pubkey -noout >"$T/pub.pem" 2>/dev/null || return 1
    kind=$(openssl pkey -pubin -in "$T/pub.pem" -noout -text 2>/dev/null)
    case $kind in
        *ED25519*) ed25519 "$T/pub.pem" "$2" "$3" ;;
        *prime256v1*) openssl dgst -sha256 -verify "$T/pub.pem" -signature "$3" "$2" >/dev/null 2>&1 ;;
        *Modulus*) openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest \
            -verify "$T/pub.pem" -signature "$3" "$2" >/dev/null 2>&1 ;;
        *) return 1 ;;
    esac
}
check_delegation() {
    n=${1#delegations/}
    n=$T/d/${n%.txt}
    [ "$(awk 'END { print NR }' "$1")" = 10 ] && [ "$(sed -n 1p "$1")" = lgsp-delegation/1 ] && [ -z "$(sed -n 9p "$1")" ] ||
        fail "$1" "it does not have the form of a delegation"
    agency=$(sed -n '2s/^agency \([A-Za-z0-9.-]\{1,40\}\)$/\1/p' "$1")
    at_node=$(sed -n '3s/^node \([a-z0-9.-]\{1,64\}\)$/\1/p' "$1")
    use=$(sed -n -e '4s/^use \(log\)$/\1/p' -e '4s/^use \(message\)$/\1/p' "$1")
    key=$(sed -n '5s/^key ed25519:\([A-Za-z0-9+/=]\{44\}\)$/\1/p' "$1")
    from=$(epoch "$(sed -n '6s/^not-before //p' "$1")")
    until=$(epoch "$(sed -n '7s/^not-after //p' "$1")")
    certificate=$(sed -n '8s/^certificate \([A-Za-z0-9+/=]*\)$/\1/p' "$1")
    signature=$(sed -n '10s/^signature \([A-Za-z0-9+/=]*\)$/\1/p' "$1")
    for value in "$agency" "$at_node" "$use" "$key" "$from" "$until" "$certificate" "$signature"; do
        [ -n "$value" ] || fail "$1" "it does not have the form of a delegation"
    done
    unbase64 "$key" "$n.key" && [ "$(size_of "$n.key")" = 32 ] && ed25519_pem "$n.key" "$n.pem" || fail "$1" "its key is no Ed25519 key"
    unbase64 "$certificate" "$n.der" && openssl x509 -inform DER -in "$n.der" -out "$n.crt" 2>/dev/null || fail "$1" "its certificate cannot be read"
    unbase64 "$signature" "$n.sig" || fail "$1" "its signature is not base64"
    head -n 9 "$1" >"$n.text"
    signed_by "$n.crt" "$n.text" "$n.sig" || fail "$1" "the agency's certificate did not sign it"
    [ "$from" -lt "$until" ] || fail "$1" "it ends before it begins"
    chain "$n.crt" "$until" || fail "$1" "no accepted authority stands behind its certificate at $(date_of "$until")"
    if openssl x509 -in "$n.crt" -noout -ext extendedKeyUsage 2>/dev/null | grep -q 'TLS Web'; then
        fail "$1" "its certificate is one for connections"
    fi
    names "$n.crt" >"$T/agency.names"
    if grep -q '^URI:lgsp:' "$T/agency.names"; then
        grep -q -x -F "URI:lgsp:agency:$agency" "$T/agency.names" || fail "$1" "its certificate is of another agency than $agency"
    else
        untied "$1" "that its certificate is of agency $agency, only the directory says"
    fi
    printf 'agency %s\nnode %s\nuse %s\nfrom %s\nuntil %s\nsha %s\n' "$agency" "$at_node" "$use" "$from" "$until" "$(sha_base64 "$1")" >"$n.about"
    ok "$1" "agency $agency lets a key of node $at_node speak for it ($use), $(date_of "$from") to $(date_of "$until")"
}
for file in delegations/*.txt; do
    if [ -f "$file" ]; then check_delegation "$file"; else none delegations "there are none"; fi
done

# ---- keys of logs and witnesses ------------------------------------------------------------------------------------------------------

# key FILE TYPE OUT: reads a verifier key; writes OUT.name, OUT.id, OUT.raw, OUT.pem.
key() {
    [ "$(awk 'END { print NR }' "$1")" = 1 ] || fail "$1" "it is not one line"
    name=$(sed -n 's/^\([^+ ]*\)+[0-9a-f]\{8\}+[A-Za-z0-9+/=]*$/\1/p' "$1")
    [ -n "$name" ] || fail "$1" "it is no verifier key"
    rest=$(sed 's/^[^+]*+//' "$1")
    id=${rest%%+*}
    unbase64 "${rest#*+}" "$3.blob" && [ "$(size_of "$3.blob")" = 33 ] || fail "$1" "it is no verifier key of Ed25519"
    [ "$(hex_of "$3.blob" | cut -c1-2)" = "$2" ] || fail "$1" "it is a key of another type"
    [ "$({ printf '%s\n' "$name"; cat "$3.blob"; } | sha | cut -c1-8)" = "$id" ] || fail "$1" "its hash is not that of name and key"
    dd if="$3.blob" bs=1 skip=1 of="$3.raw" 2>/dev/null
    ed25519_pem "$3.raw" "$3.pem" || fail "$1" "it is no key"
    printf '%s\n' "$name" >"$3.name"
    printf '%s\n' "$id" >"$3.id"
}
# listed FILE KEYS: whether its line stands in the file of keys that was given.
listed() { [ -n "$2" ] && tr -d '\r' <"$2" | grep -q -x -F -e "$(cat "$1")"; }
for file in keys/log-*.vkey; do
    [ -f "$file" ] || { none keys "there are no keys of logs"; break; }
    out=$T/k/${file#keys/}
    key "$file" 01 "$out"
    by=''
    ! listed "$file" "$log_keys" || by='you gave it'
    for d in "$T"/d/*.about; do
        [ -z "$by" ] && [ -f "$d" ] || continue
        if [ "$(field "$d" use log)" = log ] && [ "lgsp/$(field "$d" node '.*')/log" = "$name" ] && cmp -s "${d%.about}.key" "$out.raw"; then
            by="agency $(field "$d" agency '.*') lets it speak"
        fi
    done
    if [ -n "$by" ]; then ok "$file" "the log $name: $by"; else untied "$file" "the log $name: neither given nor delegated to"; fi
done
for file in keys/witness-*.vkey; do
    [ -f "$file" ] || break
    key "$file" 04 "$T/k/${file#keys/}"
    if listed "$file" "$witnesses"; then ok "$file" "the witness $name: you gave it"; else untied "$file" "the witness $name: its key comes from the container"; fi
done

# ---- checkpoints ---------------------------------------------------------------------------------------------------------------------

DASH=$(printf '\342\200\224')
# signature_line LINE OUT: name in `by`, blob in OUT.
signature_line() {
    by=$(printf '%s\n' "$1" | sed -n "s/^$DASH \\([^+ ]*\\) [A-Za-z0-9+/=]*\$/\\1/p")
    [ -n "$by" ] && unbase64 "${1##* }" "$2"
}
check_cosignature() { # PART LINE BODY
    signature_line "$2" "$T/blob" || fail "$1" "a line is no signature line"
    id=$(hex_of "$T/blob" | cut -c1-8)
    for k in "$T"/k/witness-*.name; do
        if [ -f "$k" ] && [ "$(cat "$k")" = "$by" ] && [ "$(cat "${k%.name}.id")" = "$id" ]; then
            [ "$(size_of "$T/blob")" = 76 ] || fail "$1" "the cosignature of $by does not have its length"
            when=$(printf '%d' "0x$(hex_of "$T/blob" | cut -c9-24)" 2>/dev/null)
            is_count "$when" || fail "$1" "the cosignature of $by names no time"
            { printf 'cosignature/v1\ntime %s\n' "$when"; cat "$3"; } >"$T/cosigned"
            dd if="$T/blob" bs=1 skip=12 of="$T/sig" 2>/dev/null
            ed25519 "${k%.name}.pem" "$T/cosigned" "$T/sig" || fail "$1" "the cosignature of $by does not verify"
            ok "$1" "$by saw it on $(date_of "$when")"
            return
        fi
    done
    untied "$1" "a cosignature of $by, whose key is not in the container"
}
check_checkpoint() {
    c=$T/p/${1#checkpoints/}
    part=$1/note.txt
    [ -f "$part" ] || fail "$part" "it is not there"
    [ "$(awk 'NF == 0 { n++ } END { print n + 0 }' "$part")" = 1 ] && [ "$(sed '1,/^$/d' "$part" | awk 'END { print NR }')" = 1 ] ||
        fail "$part" "it is no note with one signature"
    sed '/^$/,$d' "$part" >"$c.body"
    origin=$(sed -n '1s/^\([A-Za-z0-9._/-]*\)$/\1/p' "$c.body")
    size=$(sed -n 2p "$c.body")
    root=$(sed -n 3p "$c.body")
    [ -n "$origin" ] && is_count "$size" && unbase64 "$root" "$c.root" && [ "$(size_of "$c.root")" = 32 ] || fail "$part" "it is no checkpoint"
    signature_line "$(sed '1,/^$/d' "$part")" "$T/blob" || fail "$part" "its signature line cannot be read"
    case ${origin#"$by"/} in '' | *[!0-9]*) fail "$part" "it is signed for another log" ;; esac
    { cat "$c.body"; printf '\n%s %s %s\n' "$DASH" "$by" "$(openssl base64 -A <"$T/blob")"; } | cmp -s - "$part" || fail "$part" "it is not in its one form"
    id=$(hex_of "$T/blob" | cut -c1-8)
    dd if="$T/blob" bs=1 skip=4 of="$T/sig" 2>/dev/null
    found=''
    for k in "$T"/k/log-*.name; do
        if [ -f "$k" ] && [ "$(cat "$k")" = "$by" ] && [ "$(cat "${k%.name}.id")" = "$id" ]; then
            ed25519 "${k%.name}.pem" "$c.body" "$T/sig" || fail "$part" "the signature of $by does not verify"
            found=yes
            cp "${k%.name}.raw" "$c.key"
        fi
    done
    [ -n "$found" ] || fail "$part" "the key of $by that signed it is not in the container"
    printf 'origin %s\nsize %s\n' "$origin" "$size" >"$c.about"
    ok "$part" "$origin had $size entries and this root"
    : >"$c.times"
    if [ -f "$1/cosignatures.txt" ]; then
        while read -r line; do check_cosignature "$1/cosignatures.txt" "$line" "$c.body"; done <"$1/cosignatures.txt"
    else
        none "$1/cosignatures.txt" "no witness cosigned it"
    fi
    for stamp in "$1"/timestamp-*.tst; do
        [ -f "$stamp" ] || { none "$1/timestamp" "no authority stamped it"; break; }
        token "$stamp" "$part" "$stamp"
        printf '%s\n' "$at" >>"$c.times"
        ok "$stamp" "the checkpoint existed on $(date_of "$at")"
    done
}
for folder in checkpoints/*; do
    if [ -d "$folder" ]; then check_checkpoint "$folder"; else fail checkpoints "there are none"; fi
done

# read_path FILE: whether it consists of lines of 64 hexadecimal digits, at most 130.
read_path() {
    [ -f "$1" ] || fail "$1" "it is not there"
    ! grep -q -v '^[0-9a-f]\{64\}$' "$1" && [ "$(wc -l <"$1")" -le 130 ] && [ "$(size_of "$1")" = "$(($(wc -l <"$1") * 65))" ] ||
        fail "$1" "it is not a path"
}
# RFC 9162, section 2.1.3.2. leads LEAF INDEX SIZE PATH ROOT
leads() {
    r=$1 fn=$2 sn=$(($3 - 1))
    [ "$fn" -le "$sn" ] || return 1
    while read -r p; do
        [ "$sn" -gt 0 ] || return 1
        if [ $((fn & 1)) = 1 ] || [ "$fn" = "$sn" ]; then
            r=$(node_hash "$p" "$r")
            while [ $((fn & 1)) = 0 ] && [ "$fn" != 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
        else
            r=$(node_hash "$r" "$p")
        fi
        fn=$((fn >> 1)) sn=$((sn >> 1))
    done <"$4"
    [ "$sn" = 0 ] && [ "$r" = "$5" ]
}
# RFC 9162, section 2.1.4.2. extends OLD OLD_ROOT NEW NEW_ROOT PROOF
extends() {
    [ "$1" -gt 0 ] && [ "$1" -lt "$3" ] || return 1
    fn=$(($1 - 1)) sn=$(($3 - 1))
    while [ $((fn & 1)) = 1 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
    if [ "$fn" = 0 ]; then fr=$2 sr=$2; else fr='' sr=''; fi
    while read -r p; do
        if [ -z "$fr" ]; then fr=$p sr=$p; continue; fi
        [ "$sn" -gt 0 ] || return 1
        if [ $((fn & 1)) = 1 ] || [ "$fn" = "$sn" ]; then
            fr=$(node_hash "$p" "$fr") sr=$(node_hash "$p" "$sr")
            while [ $((fn & 1)) = 0 ] && [ "$fn" != 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
        else
            sr=$(node_hash "$sr" "$p")
        fi
        fn=$((fn >> 1)) sn=$((sn >> 1))
    done <"$5"
    [ "$sn" = 0 ] && [ "$fr" = "$2" ] && [ "$sr" = "$4" ]
}

: >"$T/links"
for folder in links/*; do
    [ -d "$folder" ] || { none links "no checkpoint is tied to a later one"; break; }
    older=$(field "$folder/about.txt" older "$NUMBER")
    newer=$(field "$folder/about.txt" newer "$NUMBER")
    [ -f "$T/p/$older.about" ] && [ -f "$T/p/$newer.about" ] || fail "$folder/about.txt" "it names a checkpoint that is not there"
    [ "$(field "$T/p/$older.about" origin '.*')" = "$(field "$T/p/$newer.about" origin '.*')" ] || fail "$folder/about.txt" "its checkpoints are of two logs"
    cmp -s "$T/p/$older.key" "$T/p/$newer.key" || fail "$folder/about.txt" "its checkpoints are signed with two keys"
    read_path "$folder/path.txt"
    extends "$(field "$T/p/$older.about" size "$COUNT")" "$(hex_of "$T/p/$older.root")" "$(field "$T/p/$newer.about" size "$COUNT")" \
        "$(hex_of "$T/p/$newer.root")" "$folder/path.txt" || fail "$folder/path.txt" "checkpoint $newer does not go on from checkpoint $older"
    printf '%s %s\n' "$older" "$newer" >>"$T/links"
    ok "$folder" "checkpoint $newer goes on from checkpoint $older"
done
# The earliest timestamp on a checkpoint or on one that is linked to it; empty if there is none.
dated() {
    {
        cat "$T/p/$1.times"
        while read -r older newer; do [ "$older" != "$1" ] || cat "$T/p/$newer.times"; done <"$T/links"
    } | sort -n | head -n 1
}

# ---- entries -------------------------------------------------------------------------------------------------------------------------

# committed FOLDER ENTRY: writes what record and salt commit to.
committed() {
    [ "$(size_of "$1/salt.bin")" = 32 ] || fail "$1/salt.bin" "it does not have 32 bytes"
    { printf '\001'; { printf 'lgsp message log commitment v1\n'; cat "$1/salt.bin" "$1/record.json"; } | openssl dgst -sha256 -binary; } >"$2"
}
# in_log FOLDER ENTRY LOG: index and checkpoint are in its about.txt; sets `index`, `checkpoint`.
in_log() {
    index=$(field "$1/about.txt" index "$COUNT")
    checkpoint=$(field "$1/about.txt" checkpoint "$NUMBER")
    is_count "$index" && [ -f "$T/p/$checkpoint.about" ] || fail "$1/about.txt" "index or checkpoint cannot be read"
    origin=$(field "$T/p/$checkpoint.about" origin '.*')
    case $origin in "$3"/*) ;; *) fail "$1/about.txt" "its checkpoint is not of $3" ;; esac
    read_path "$1/path.txt"
    leads "$({ printf '\000'; cat "$2"; } | sha)" "$index" "$(field "$T/p/$checkpoint.about" size "$COUNT")" "$1/path.txt" "$(hex_of "$T/p/$checkpoint.root")" ||
        fail "$1/path.txt" "it does not lead to the root of checkpoint $checkpoint: this is not in the log"
}
check_bodies() {
    for body in "$1"/body-*.bin; do
        [ -f "$body" ] || return 0
        case $body in *-request.bin | *-answer.bin) ;; *) fail "$body" "it is of no message" ;; esac
        case $body in
            *-request.bin) awk '{ i = index($0, "\"request\":{"); if (i) { s = substr($0, i); j = index(s, "\"answer\":{"); print j ? substr(s, 1, j) : s } }' "$1/record.json" ;;
            *-answer.bin) awk '{ i = index($0, "\"answer\":{"); if (i) { s = substr($0, i); j = index(s, "\"masked\":{"); print j ? substr(s, 1, j) : s } }' "$1/record.json" ;;
        esac >"$T/leg"
        digest=$(sha_base64 "$body")
        grep -q -F "\"body\":\"$digest\"" "$T/leg" || fail "$body" "the record does not state its digest"
        printf '%s\n' "$digest" >>"$T/bodies"
        ok "$body" "$(size_of "$body") bytes, as the record states"
    done
}
: >"$T/bodies"
: >"$T/statement-entries"
# A document that the node relied on, and when it first did.
check_document() {
    { cat "$1/record.json"; echo; } | sed -n 's/^{"type":"credential","at":[0-9]*,"kind":"\([a-z]*\)","sha256":"\([A-Za-z0-9+/=]*\)","document":"\([A-Za-z0-9+/=]*\)"}$/\1 \2 \3/p' >"$T/document"
    read -r document_kind stated document <"$T/document" || fail "$1/record.json" "it is no document"
    unbase64 "$document" "$T/document" && [ "$(sha_base64 "$T/document")" = "$stated" ] || fail "$1/record.json" "its document does not have its digest"
    [ "$document_kind" != delegation ] || cat "$T"/d/*.about 2>/dev/null | grep -q -x -F "sha $stated" ||
        fail "$1/record.json" "its delegation is not among the delegations"
}
check_entry() {
    [ -f "$1/about.txt" ] && [ -f "$1/entry.bin" ] || fail "$1" "about.txt or entry.bin is not there"
    [ "$(size_of "$1/entry.bin")" = 33 ] || fail "$1/entry.bin" "it does not have 33 bytes"
    epoch_number=$(field "$1/about.txt" epoch "$COUNT")
    kind='' what='was there; its record was erased'
    if [ -f "$1/record.json" ] && [ -f "$1/salt.bin" ]; then
        committed "$1" "$T/entry"
        cmp -s "$T/entry" "$1/entry.bin" || fail "$1/record.json" "record and salt do not open the commitment: this is not what was logged"
        kind=$(sed -n '1s/^{"type":"\([a-z_]*\)".*/\1/p' "$1/record.json")
        if [ "$kind" = credential ]; then
            check_document "$1"
        else
            case $kind in exchange) named=id ;; *) named=exchange ;; esac
            case $(cat "$1/record.json") in
                "{\"type\":\"$kind\",\"$named\":\"$exchange\""[,}]*) ;;
                *) fail "$1/record.json" "it is not of $exchange" ;;
            esac
        fi
        what="a record of kind $kind"
    elif [ -f "$1/record.json" ] || [ -f "$1/salt.bin" ]; then
        fail "$1" "record and salt are there together or not at all"
    fi
    in_log "$1" "$1/entry.bin" "lgsp/$node/log"
    [ "$origin" = "lgsp/$node/log/$epoch_number" ] || fail "$1/about.txt" "its checkpoint is of another epoch"
    case $kind in statement | received) printf '%s\n' "${1#entries/}" >>"$T/statement-entries" ;; esac
    time=$(dated "$checkpoint")
    [ -z "$time" ] || time=", not later than $(date_of "$time")"
    if [ -n "$kind" ]; then ok "$1" "$what, entry $index of $origin$time"; else none "$1" "$what, entry $index of $origin$time"; fi
    check_bodies "$1"
}
for folder in entries/*; do
    if [ -d "$folder" ]; then check_entry "$folder"; else fail entries "there are none"; fi
done

# ---- statements ----------------------------------------------------------------------------------------------------------------------

# A text as the value of a JSON string, in the one form in which records have it.
escaped() { sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' "$1" | awk '{ if (NR > 1) printf "\\n"; printf "%s", $0 }'; }
header() { sed -n "s/^\"$2\": //p" "$1"; }
digest_in_header() { printf '%s\n' "$1" | sed -n 's/^sha-256=:\([A-Za-z0-9+/=]*\):$/\1/p'; }
check_content() { # FOLDER TAG
    digest=$(digest_in_header "$(sed -n -e 's/^"content-digest": //p' -e 's/^"content-digest";tr: //p' "$1/base.txt")")
    if [ -z "$digest" ]; then
        none "$1" "it names no digest of a body"
    elif grep -q -x -F -e "$digest" "$T/bodies"; then
        ok "$1" "the body it names is in the container"
    else
        none "$1" "the body it names was not kept; whoever has it can compare: SHA-256 $digest"
    fi
}
check_delegated() { # FOLDER USE: sets `d`
    d=$(field "$1/about.txt" delegation "$NUMBER")
    if [ -z "$d" ]; then
        d=''
        untied "$1" "there is no delegation that says for whom the key speaks"
        return
    fi
    d=$T/d/$d.about
    [ -f "$d" ] || fail "$1/about.txt" "its delegation is not there"
    grep -q -F ";keyid=\"$(field "$d" sha '.*')\"" "$1/base.txt" || fail "$1/about.txt" "the statement names another delegation"
    case $(field "$d" use '[a-z]*') in $2) ;; *) false ;; esac || fail "$1/about.txt" "its delegation is not for this use"
    [ "$(field "$d" from "$COUNT")" -le "$created" ] && [ "$created" -le "$(field "$d" until "$COUNT")" ] ||
        fail "$1/base.txt" "it was made at $(date_of "$created"), outside the time of its delegation"
    chain "${d%.about}.crt" "$created" || fail "$1/base.txt" "the agency's certificate was not valid at $(date_of "$created")"
}
check_statement() {
    for needed in about.txt base.txt; do [ -f "$1/$needed" ] || fail "$1/$needed" "it is not there"; done
    direction=$(field "$1/about.txt" direction '[a-z]*')
    mode=$(field "$1/about.txt" mode '[a-z]*')
    entry=$(field "$1/about.txt" entry "$NUMBER")
    record=entries/$entry/record.json
    [ -f "$record" ] || fail "$1/about.txt" "the entry it names is not there"
    ! grep -q "^$entry " "$T/claimed" || fail "$1/about.txt" "another statement stands for its entry"
    base=$(escaped "$1/base.txt")
    case $direction in sent) type=statement ;; received) type=received ;; *) fail "$1/about.txt" "its direction is not known here" ;; esac
    grep -q "^{\"type\":\"$type\"," "$record" || fail "$1/about.txt" "its entry is of another kind"
    printf '"base":"%s"' "$base" >"$T/pattern"
    grep -q -F -f "$T/pattern" "$record" || fail "$1/base.txt" "it is not the text that entry $entry holds"
    printf '%s %s\n' "$entry" "$1" >>"$T/claimed"
    created=$(awk 'END { print }' "$1/base.txt" | sed -n 's/^"@signature-params": (.*);created=\([0-9]\{1,12\}\);.*/\1/p')
    tag=$(awk 'END { print }' "$1/base.txt" | sed -n 's/^"@signature-params": (.*;tag="\([a-z-]*\)".*/\1/p')
    is_count "$created" && [ -n "$tag" ] || fail "$1/base.txt" "it does not end with the parameters of a signature"
    [ "$(header "$1/base.txt" lgsp-exchange)" = "$exchange" ] || fail "$1/base.txt" "it is not of $exchange"
    case $mode in
        log) [ "$direction" = sent ] || fail "$1/about.txt" "only what was sent rests on this node's log"; check_delegated "$1" '[a-z]*' ;;
        message) [ "$direction" = received ] || fail "$1/about.txt" "mode and direction do not fit"; check_delegated "$1" message ;;
        group) [ "$direction" = received ] || fail "$1/about.txt" "mode and direction do not fit"; check_delegated "$1" log ;;
        *) fail "$1/about.txt" "its mode is not known here" ;;
    esac
    if [ "$direction" = received ]; then check_received "$1"; fi
    if [ -z "$d" ]; then
        sender='an unknown agency'
    else
        sender="agency $(field "$d" agency '.*') at node $(field "$d" node '.*')"
        case $tag:$(header "$1/base.txt" lgsp-from) in
            "lgsp-request:$(field "$d" node '.*')/$(field "$d" agency '.*')/"* | "lgsp-answer:$(field "$d" node '.*')/$(field "$d" agency '.*')" | lgsp-body:) ;;
            *) fail "$1/base.txt" "it names another sender than its delegation" ;;
        esac
        if [ "$direction" = sent ]; then
            [ "$(field "$d" node '.*')" = "$node" ] || fail "$1/about.txt" "its delegation is of another node"
            if [ "$(field "$d" use '.*')" = message ]; then
                none "$1" "its own signature went to the receiver; here it rests on this node's log"
            else
                cmp -s "${d%.about}.key" "$T/p/$(field "entries/$entry/about.txt" checkpoint "$NUMBER").key" || fail "$1/about.txt" "its delegation is not for the key of this node's log"
            fi
        fi
    fi
    printf '%s %s %s\n' "$(sha_base64 "$1/base.txt")" "$1" "$tag" >>"$T/bases"
    ok "$1" "$direction ($tag, mode $mode): $sender stands by it, $(date_of "$created") by its clock"
    check_content "$1"
}
check_received() {
    [ "$mode" != message ] && signature='' || signature=$1/signature.bin
    grep -q -F "\"mode\":\"$mode\"" "$record" || fail "$1/about.txt" "the record says another mode"
    if [ -n "$d" ]; then
        grep -q -F "\"delegation\":\"$(field "$d" sha '.*')\"" "$record" || fail "$1/about.txt" "the record names another delegation"
    fi
    if [ -n "$signature" ]; then
        [ -f "$signature" ] && grep -q -F "\"proof\":\"$(openssl base64 -A <"$signature")\"" "$record" || fail "$1/signature.bin" "it is not the one in the record"
        [ -z "$d" ] || ed25519 "${d%.about}.pem" "$1/base.txt" "$signature" || fail "$1/signature.bin" "it is not by the delegated key over base.txt"
        return
    fi
    for needed in salt.bin record.json path.txt; do [ -f "$1/$needed" ] || fail "$1/$needed" "it is not there"; done
    printf '{"type":"statement","exchange":"%s","base":"%s"}' "$exchange" "$base" | cmp -s - "$1/record.json" || fail "$1/record.json" "it is not the record of base.txt"
    committed "$1" "$T/entry"
    c=$(field "$1/about.txt" checkpoint "$NUMBER")
    [ -f "$T/p/$c.about" ] || fail "$1/about.txt" "its checkpoint is not there"
    log=$(field "$T/p/$c.about" origin '.*')
    in_log "$1" "$T/entry" "${log%/*}"
    if [ -n "$d" ]; then
        [ "${log%/*}" = "lgsp/$(field "$d" node '.*')/log" ] && cmp -s "${d%.about}.key" "$T/p/$c.key" || fail "$1/about.txt" "its delegation is not for the log that holds it"
    fi
    ok "$1/path.txt" "entry $index of $log, the sender's own log"
}
: >"$T/claimed"
: >"$T/bases"
for folder in statements/*; do
    if [ -d "$folder" ]; then check_statement "$folder"; else none statements "no message between nodes"; fi
done
while read -r entry; do
    grep -q "^$entry " "$T/claimed" || fail "statements" "entry $entry holds a statement that is not among them"
done <"$T/statement-entries"
# An answer names its request by the digest of the request's statement, and comes from the node that the request was for.
while read -r digest folder tag; do
    [ "$tag" = lgsp-answer ] || continue
    to=$(header "$folder/base.txt" lgsp-in-reply-to | sed 's/^:\(.*\):$/\1/')
    request=$(awk -v to="$to" '$1 == to && $3 == "lgsp-request" { print $2; exit }' "$T/bases")
    if [ -z "$request" ]; then
        [ -n "$to" ] || fail "$folder/base.txt" "it does not say which request it answers"
        if grep -q ' lgsp-request$' "$T/bases"; then fail "$folder/base.txt" "it answers a request that is not in the container"; fi
        none "$folder" "the request that it answers is not in the container"
        continue
    fi
    d=$(field "$folder/about.txt" delegation "$NUMBER")
    if [ -n "$d" ]; then
        case $(header "$request/base.txt" lgsp-to) in
            "$(field "$T/d/$d.about" node '.*')/"*) ;;
            *) [ -n "$(header "$folder/base.txt" lgsp-refusal)" ] || fail "$folder/base.txt" "it comes from another node than the request was for" ;;
        esac
    fi
    ok "$folder" "it answers $request"
done <"$T/bases"

if [ "$loose" -gt 0 ]; then
    echo "FITS   all parts fit together; $loose points above marked UNTIED rest on the container's own word"
    exit 3
fi
echo "CHECKED all parts, back to the keys and authorities that were given"
