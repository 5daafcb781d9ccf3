//! Plans for given hosts, and the laws that every plan obeys. No host is touched.

mod addresses;
mod circles;
mod data_guard;
mod day2;
mod exports;
mod families;
mod files;
mod firewall;
mod fixtures;
mod guest;
mod laws;
mod names;
mod order;
mod outranked;
mod own_settings;
mod packages;
mod phases;
mod ports;
mod purity;
mod secrets;
mod selinux;
mod settings;
mod virtual_address;
