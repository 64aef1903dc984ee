//! Evidence for outsiders: RFC 3161 timestamps and the ASiC-E container of an exchange.
