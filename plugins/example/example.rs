//! example.rs - the plugin of example.c in Rust, with nothing but its core.
//!
//!	rustc --edition 2021 -O --crate-type cdylib -C panic=abort \
//!	    -o example.so example.rs
//!
//! The types stand in consul-failover/plugin.h, with what they mean; bindgen
//! makes them all of it.  Fields that come behind those that are used here may be
//! left out: the plugin says how many it knows.

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::mem::size_of;
use std::path::Path;

const DONE: c_int = 0;
const FAILED: c_int = 1;
const STRING: c_int = 0;

type Unused = Option<extern "C" fn()>;

#[repr(C)]
pub struct Failover {
    size: u32,
    port: u16,
    master_port: u16,
    epoch: u64,
    deadline: i64,
    service: *const c_char,
    node: *const c_char,
    reason: *const c_char,
    data: *mut c_void,
    option: extern "C" fn(*const Failover, *const c_char) -> *const c_char,
    number: Unused,
    time_left: Unused,
    say: Unused, // has "..."
    log: Unused,
    role: c_int,
    master_host: *const c_char,
    previous_host: *const c_char,
    previous_port: u16,
    target: *const c_char,
    enough: u32,
    secret: Unused,
    promote: u32,
    memory: *const c_char,
    remember: Unused,
    address: *const c_char,
    say_text: extern "C" fn(*mut Failover, c_int, *const c_char) -> c_int,
}

#[repr(C)]
pub struct FailoverOption {
    name: *const c_char,
    kind: c_int,
    fallback: *const c_char,
    meaning: *const c_char,
}

#[repr(C)]
pub struct PluginInfo {
    magic: u32,
    abi: u32,
    size: u32,
    reserved: u32,
    name: *const c_char,
    version: *const c_char,
    summary: *const c_char,
    options: *const FailoverOption,
    failover_size: u32,
    option_size: u32,
}

// Nobody changes them.
unsafe impl Sync for FailoverOption {}
unsafe impl Sync for PluginInfo {}

static OPTIONS: [FailoverOption; 2] = [
    FailoverOption {
        name: c"flag".as_ptr(),
        kind: STRING,
        fallback: c"/var/tmp/in_service".as_ptr(),
        meaning: c"the application is healthy while this file exists".as_ptr(),
    },
    FailoverOption {
        name: std::ptr::null(),
        kind: 0,
        fallback: std::ptr::null(),
        meaning: std::ptr::null(),
    },
];

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static plugin_info: PluginInfo = PluginInfo {
    magic: 0x434f4e46,
    abi: 1,
    size: size_of::<PluginInfo>() as u32,
    reserved: 0,
    name: c"example".as_ptr(),
    version: c"1.0".as_ptr(),
    summary: c"a file is the application".as_ptr(),
    options: OPTIONS.as_ptr(),
    failover_size: size_of::<Failover>() as u32,
    option_size: size_of::<FailoverOption>() as u32,
};

/// A text with a NUL in it would not be one of C's.
fn say(f: *mut Failover, result: c_int, text: String) -> c_int {
    let text = CString::new(text).unwrap_or_default();
    unsafe { ((*f).say_text)(f, result, text.as_ptr()) }
}

fn text(of: *const c_char) -> String {
    unsafe { CStr::from_ptr(of) }.to_string_lossy().into_owned()
}

#[no_mangle]
pub extern "C" fn health(f: *mut Failover) -> c_int {
    let flag = text(unsafe { ((*f).option)(f, c"flag".as_ptr()) });

    match Path::new(&flag).try_exists() {
        Ok(true) => say(f, DONE, format!("Service flag {flag} exists")),
        Ok(false) => say(f, FAILED, format!("Service flag {flag} does not exist")),
        Err(e) => say(f, FAILED, format!("Service flag {flag}: {e}")),
    }
}

#[no_mangle]
pub extern "C" fn ensure_master(f: *mut Failover) -> c_int {
    say(f, DONE, format!("master, epoch {}", unsafe { (*f).epoch }))
}

#[no_mangle]
pub extern "C" fn ensure_slave(f: *mut Failover, master_host: *const c_char) -> c_int {
    let port = unsafe { (*f).master_port };

    say(f, DONE, format!("slave of {}:{port}", text(master_host)))
}

#[no_mangle]
pub extern "C" fn ensure_demoted(f: *mut Failover) -> c_int {
    say(f, DONE, "not master".to_string())
}
