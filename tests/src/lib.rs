//! The whole program from outside: real clients, real servers, crashes.
