//! The ASiC-E container (ETSI EN 319 162-1) of one exchange. Being filled.
