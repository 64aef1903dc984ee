//! Keys and certificates between nodes: the hub's authority, signing requests, what a certificate may be used for, keys in files and on PKCS#11
//! tokens, and delegations by which an agency lets a node's key speak for it.
