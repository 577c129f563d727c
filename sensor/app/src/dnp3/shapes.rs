//! What a point of each group and variation holds (IEEE 1815 annex A). Left out: data sets (groups 83 to 91,
//! but for two), binary-coded decimals (101), octet strings and virtual terminals (110 to 113), and what the
//! standard has withdrawn.

/// A part of a point.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    U8(&'static str),
    U16(&'static str),
    U24(&'static str),
    U32(&'static str),
    I16(&'static str),
    I32(&'static str),
    F32(&'static str),
    F64(&'static str),
    /// Milliseconds since 1970 in 48 bits.
    Time(&'static str),
    /// Parts of one octet, lowest bits first: name and width.
    Bits(&'static [(&'static str, u8)]),
    Text(&'static str, Length),
    Bytes(&'static str, Length),
}

/// Where the length of text or bytes stands.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    Fixed(usize),
    /// In the number field of this name before it.
    In(&'static str),
    /// What is left of the size that the point's prefix tells.
    Rest,
}

/// What the prefixes of an object's points must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    Any,
    /// A size, of whatever width.
    Size,
    /// A size of two octets.
    Size16,
}

#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub prefix: Prefix,
    pub form: Form,
}

#[derive(Debug, Clone, Copy)]
pub enum Form {
    Fields(&'static [Field]),
    /// Points are a few bits each, packed into octets: name and width.
    Packed(&'static str, u8),
}

use Field::{Bits, Bytes, F32, F64, I16, I32, Text, Time, U8, U16, U24, U32};
use Length::{Fixed, In, Rest};

const BINARY: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("chatter_filter", 1),
    ("reserved", 1),
    ("state", 1),
]);
const DOUBLE_BIT: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("chatter_filter", 1),
    ("state", 2),
]);
const OUTPUT: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("reserved0", 1),
    ("reserved1", 1),
    ("state", 1),
]);
const COUNTER: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("rollover", 1),
    ("discontinuity", 1),
    ("reserved0", 1),
]);
/// The last bit of frozen counters with a time has another name.
const FROZEN: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("rollover", 1),
    ("discontinuity", 1),
    ("reserved1", 1),
]);
const DELTA: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("rollover", 1),
    ("reserved0", 1),
    ("reserved1", 1),
]);
const ANALOG: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("over_range", 1),
    ("reference_err", 1),
    ("reserved0", 1),
]);
const SECURITY: Field = Bits(&[
    ("online", 1),
    ("restart", 1),
    ("comm_lost", 1),
    ("remote_forced", 1),
    ("local_forced", 1),
    ("reserved0", 1),
    ("discontinuity", 1),
    ("reserved1", 1),
]);
const COMMANDED: Field = Bits(&[("status_code", 7), ("reserved0", 1)]);
const TIME: Field = Time("timestamp");

/// The shape of a group's variation, if it is known.
pub fn shape(group: u8, variation: u8) -> Option<Shape> {
    let plain = |fields: &'static [Field]| Shape {
        prefix: Prefix::Any,
        form: Form::Fields(fields),
    };
    let sized = |fields: &'static [Field]| Shape {
        prefix: Prefix::Size16,
        form: Form::Fields(fields),
    };
    let packed = |name, width| Shape {
        prefix: Prefix::Any,
        form: Form::Packed(name, width),
    };
    Some(match (group, variation) {
        (1 | 10 | 80, 1) => packed("state", 1),
        (3, 1) => packed("state", 2),
        (12, 3) => packed("point", 1),
        (1, 2) => plain(&[BINARY]),
        (2, 1) => plain(&[U8("state")]),
        (2, 2) => plain(&[BINARY, TIME]),
        (2, 3) => plain(&[BINARY, U16("timestamp")]),
        (3, 2) | (4, 1) => plain(&[DOUBLE_BIT]),
        (4, 2) => plain(&[DOUBLE_BIT, TIME]),
        (4, 3) => plain(&[DOUBLE_BIT, U16("relative_time_ms")]),
        (10, 2) | (11, 1) => plain(&[OUTPUT]),
        (11, 2) => plain(&[OUTPUT, TIME]),
        (12, 1 | 2) => plain(&[
            Bits(&[("op_type", 4), ("qu", 1), ("cr", 1), ("tcc", 2)]),
            U8("count"),
            U32("ontime"),
            U32("offtime"),
            Bits(&[("status_code", 7), ("reserved", 1)]),
        ]),
        (13, 1) => plain(&[Bits(&[("status_code", 7), ("commanded_state", 1)])]),
        (13, 2) => plain(&[Bits(&[("status_code", 7), ("commanded_state", 1)]), TIME]),
        (20..=23, 1) => plain(&[COUNTER, U32("count")]),
        (20..=22, 2) => plain(&[COUNTER, U16("count")]),
        (20..=23, 3) => plain(&[DELTA, U32("count")]),
        (20..=23, 4) | (23, 2) => plain(&[DELTA, U16("count")]),
        (20, 5 | 7) | (21, 9 | 11) => plain(&[U32("count")]),
        (20, 6 | 8) | (21, 10 | 12) => plain(&[U16("count")]),
        (21, 5) => plain(&[FROZEN, U32("count"), TIME]),
        (21, 6) => plain(&[FROZEN, U16("count"), TIME]),
        (23, 5) => plain(&[COUNTER, U32("count"), TIME]),
        (22 | 23, 6) => plain(&[COUNTER, U16("count"), TIME]),
        (22, 5) | (21..=23, 7) => plain(&[DELTA, U32("count"), TIME]),
        (21..=23, 8) => plain(&[DELTA, U16("count"), TIME]),
        (30..=33 | 40 | 42, 1) => plain(&[ANALOG, I32("value")]),
        (30..=33 | 40 | 42, 2) => plain(&[ANALOG, I16("value")]),
        (30, 3) | (31, 5) => plain(&[I32("value")]),
        (30, 4) | (31, 6) => plain(&[I16("value")]),
        (31..=33 | 42, 3) => plain(&[ANALOG, I32("value"), TIME]),
        (31..=33 | 42, 4) => plain(&[ANALOG, I16("value"), TIME]),
        (30 | 32 | 33 | 42, 5) | (31, 7) | (40, 3) => plain(&[ANALOG, F32("value")]),
        (30 | 32 | 33 | 42, 6) | (31, 8) | (40, 4) => plain(&[ANALOG, F64("value")]),
        (32 | 33 | 42, 7) => plain(&[ANALOG, F32("value"), TIME]),
        (32 | 33 | 42, 8) => plain(&[ANALOG, F64("value"), TIME]),
        (34, 1) => plain(&[U16("deadband_value")]),
        (34, 2) => plain(&[U32("deadband_value")]),
        (34, 3) => plain(&[F32("deadband_value")]),
        (41, 1) => plain(&[I32("value"), U8("control_status")]),
        (41, 2) => plain(&[I16("value"), U8("control_status")]),
        (41, 3) => plain(&[F32("value"), U8("control_status")]),
        (41, 4) => plain(&[F64("value"), U8("control_status")]),
        (43, 1) => plain(&[COMMANDED, I32("commanded_value")]),
        (43, 2) => plain(&[COMMANDED, I16("commanded_value")]),
        (43, 3) => plain(&[COMMANDED, I32("commanded_value"), TIME]),
        (43, 4) => plain(&[COMMANDED, I16("commanded_value"), TIME]),
        (43, 5) => plain(&[COMMANDED, F32("commanded_value")]),
        (43, 6) => plain(&[COMMANDED, F64("commanded_value")]),
        (43, 7) => plain(&[COMMANDED, F32("commanded_value"), TIME]),
        (43, 8) => plain(&[COMMANDED, F64("commanded_value"), TIME]),
        (50, 1 | 3) | (51, 1 | 2) => plain(&[TIME]),
        (50, 2) => plain(&[TIME, U32("interval")]),
        (50, 4) => plain(&[TIME, U32("interval_count"), U8("interval_units")]),
        (52, 1) => plain(&[U16("delay_secs")]),
        (52, 2) => plain(&[U16("delay_ms")]),
        (70, _) => return file(variation),
        (81, 1) => plain(&[
            Bits(&[("fill_percentage", 7), ("overflow_state", 1)]),
            U8("group"),
            U8("variation"),
        ]),
        (83, 1) => plain(&[
            Text("data->vendor_code", Fixed(4)),
            U16("object_id"),
            U16("length"),
            Bytes("data->data_objects", In("length")),
        ]),
        (86, 2) => plain(&[Bits(&[
            ("rd", 1),
            ("wr", 1),
            ("st", 1),
            ("ev", 1),
            ("df", 1),
            ("padding0", 1),
            ("padding1", 1),
            ("padding2", 1),
        ])]),
        (102, 1) => plain(&[U8("value")]),
        (120, 3) => plain(&[U32("csq"), U16("user_number")]),
        (120, 4) => plain(&[U16("user_number")]),
        (120, 9) => plain(&[Bytes("data->mac_value", Rest)]),
        (120, _) => sized(authentication(variation)?),
        (121 | 122, 1) => plain(&[SECURITY, U16("association_id"), U32("count_value")]),
        (122, 2) => plain(&[SECURITY, U16("association_id"), U32("count_value"), TIME]),
        _ => return None,
    })
}

/// File transfer (IEEE 1815 §A.43).
fn file(variation: u8) -> Option<Shape> {
    let (prefix, fields): (Prefix, &'static [Field]) = match variation {
        1 => (
            Prefix::Any,
            &[
                U16("filename_size"),
                U8("filetype_code"),
                U8("attribute_code"),
                U16("start_record"),
                U16("end_record"),
                U32("file_size"),
                Time("created_timestamp"),
                U16("permission"),
                U32("file_id"),
                U32("owner_id"),
                U32("group_id"),
                U8("file_function_code"),
                U8("status_code"),
                Text("filename", In("filename_size")),
                U16("data_size"),
                Text("data", In("data_size")),
            ],
        ),
        2 => (
            Prefix::Any,
            &[
                U16("username_offset"),
                U16("username_size"),
                U16("password_offset"),
                U16("password_size"),
                U32("authentication_key"),
                Text("username", In("username_size")),
                Text("password", In("password_size")),
            ],
        ),
        3 => (
            Prefix::Any,
            &[
                U16("filename_offset"),
                U16("filename_size"),
                Time("created"),
                U16("permissions"),
                U32("authentication_key"),
                U32("file_size"),
                U16("operational_mode"),
                U16("maximum_block_size"),
                U16("request_id"),
                Text("filename", In("filename_size")),
            ],
        ),
        4 => (
            Prefix::Size,
            &[
                U32("file_handle"),
                U32("file_size"),
                U16("maximum_block_size"),
                U16("request_id"),
                U8("status_code"),
                Text("optional_text", Rest),
            ],
        ),
        5 => (
            Prefix::Size,
            &[
                U32("file_handle"),
                U32("block_number"),
                Text("file_data", Rest),
            ],
        ),
        6 => (
            Prefix::Size,
            &[
                U32("file_handle"),
                U32("block_number"),
                U8("status_code"),
                Text("optional_text", Rest),
            ],
        ),
        7 => (
            Prefix::Any,
            &[
                U16("filename_offset"),
                U16("filename_size"),
                U16("file_type"),
                U32("file_size"),
                Time("created_timestamp"),
                U16("permissions"),
                U16("request_id"),
                Text("filename", In("filename_size")),
            ],
        ),
        8 => (Prefix::Size16, &[Text("file_specification", Rest)]),
        _ => return None,
    };
    Some(Shape {
        prefix,
        form: Form::Fields(fields),
    })
}

/// Authentication (IEEE 1815 §A.45); its objects tell their size.
fn authentication(variation: u8) -> Option<&'static [Field]> {
    Some(match variation {
        1 => &[
            U32("csq"),
            U16("usr"),
            U8("mal"),
            U8("reason"),
            Bytes("data->challenge_data", Rest),
        ],
        2 => &[U32("csq"), U16("usr"), Bytes("data->mac_value", Rest)],
        5 => &[
            U32("ksq"),
            U16("user_number"),
            U8("key_wrap_alg"),
            U8("key_status"),
            U8("mal"),
            U16("challenge_data_len"),
            Bytes("data->challenge_data", In("challenge_data_len")),
            Bytes("data->mac_value", Rest),
        ],
        6 => &[
            U24("ksq"),
            U16("usr"),
            Bytes("data->wrapped_key_data", Rest),
        ],
        7 => &[
            U32("sequence_number"),
            U16("usr"),
            U16("association_id"),
            U8("error_code"),
            Time("time_of_error"),
            Text("error_text", Rest),
        ],
        8 => &[
            U8("key_change_method"),
            U8("certificate_type"),
            Bytes("data->certificate", Rest),
        ],
        10 => &[
            U8("key_change_method"),
            U8("operation"),
            U32("scs"),
            U16("user_role"),
            U16("user_role_expiry_interval"),
            U16("username_len"),
            U16("user_public_key_len"),
            U16("certification_data_len"),
            Text("username", In("username_len")),
            Bytes("data->user_public_key", In("user_public_key_len")),
            Bytes("data->certification_data", In("certification_data_len")),
        ],
        11 => &[
            U8("key_change_method"),
            U16("username_len"),
            U16("master_challenge_data_len"),
            Text("username", In("username_len")),
            Bytes(
                "data->master_challenge_data",
                In("master_challenge_data_len"),
            ),
        ],
        12 => &[
            U32("ksq"),
            U16("user_number"),
            U16("challenge_data_len"),
            Bytes("data->challenge_data", In("challenge_data_len")),
        ],
        13 => &[
            U32("ksq"),
            U16("user_number"),
            U16("encrypted_update_key_len"),
            Bytes(
                "data->encrypted_update_key_data",
                In("encrypted_update_key_len"),
            ),
        ],
        14 => &[Bytes("data->digital_signature", Rest)],
        15 => &[Bytes("data->mac", Rest)],
        _ => return None,
    })
}
