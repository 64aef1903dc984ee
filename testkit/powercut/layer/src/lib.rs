//! The preloaded layer: the C library's functions that change or sync files, each of which first notes what was there
//! (`lgsp_powercut::journal`) and then does its work by a system call. Only for processes of tests, on Linux.
#![allow(clippy::disallowed_types)] // preloaded into foreign processes: the standard library's lock needs nothing else loaded
#![allow(unsafe_code)]

mod calls;
mod notes;
mod system;
