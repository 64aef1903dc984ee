def lgsp_table($t): $lgsp_tables[$t] // error("there is no code table \"\($t)\"");
def lgsp_look($t; $value; $way):
  if $value == null then error("code table \"\($t)\": there is no code to look up (null)")
  else lgsp_table($t)[$way][$value | tostring] end;

def code($t; $value): lgsp_look($t; $value; "to") // error("code table \"\($t)\" has no code \"\($value)\"");
def code($t): . as $value | code($t; $value);
def code_or($t; $value; $default): if $value == null then $default else lgsp_look($t; $value; "to") // $default end;
def code_or($t; $default): . as $value | code_or($t; $value; $default);
def code_back($t; $value): lgsp_look($t; $value; "back") // error("code table \"\($t)\" has nothing that becomes \"\($value)\"");
def code_back($t): . as $value | code_back($t; $value);
def code_back_or($t; $value; $default): if $value == null then $default else lgsp_look($t; $value; "back") // $default end;
def code_back_or($t; $default): . as $value | code_back_or($t; $value; $default);

def lgsp_require(f; $name):
  [f] | if length == 1 and .[0] != null and .[0] != "" then .[0]
        else error("\(if $name == "" then "a value" else $name end) is required, and is missing or empty") end;

def date_from($pattern): lgsp_date_from($pattern);
def date_to($pattern): lgsp_date_to($pattern);

def decimal_add($other): lgsp_decimal(["add", $other]);
def decimal_sub($other): lgsp_decimal(["sub", $other]);
def decimal_mul($other): lgsp_decimal(["mul", $other]);
def decimal_round($places): lgsp_decimal(["round", $places]);
def decimal_compare($other): lgsp_decimal(["compare", $other]);

def split_name: lgsp_split_name | {Ho: .[0], ChuDem: .[1], Ten: .[2]};
def join_name: [.Ho, .ChuDem, .Ten] | map(select(. != null and . != "")) | join(" ");

def mask_keep($count): lgsp_mask($count);
def nfc: lgsp_nfc;
def upper_vi: lgsp_upper;
def lower_vi: lgsp_lower;
