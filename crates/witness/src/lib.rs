//! Witnesses and fork detection: C2SP tlog-witness and cosignature/v1, and what is done when two views of a log do not fit.
