//! Every reader of a message takes any bytes, and asks for more when its part is cut short.

use proptest::prelude::*;

use super::{wire1, wire2};

/// A message of SMB 1 with this body.
fn one(flags2: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xffSMB\x72\0\0\0\0\x18".to_vec();
    bytes.extend(flags2.to_le_bytes());
    bytes.extend([0; 20]);
    bytes.extend(body);
    bytes
}

fn read_all_of_one(data: &[u8]) {
    let Ok(message) = wire1::Message::read(data) else {
        return;
    };
    let body = message.body;
    message.is_success();
    message.from(body.len());
    wire1::next_command(body);
    let _ = wire1::negotiate_request(body);
    let _ = wire1::negotiate_response(body);
    let _ = wire1::session_setup_request(&message, body);
    let _ = wire1::session_setup_response(&message, body);
    let _ = wire1::tree_connect_request(&message, body);
    let _ = wire1::tree_connect_response(body);
    let _ = wire1::create_request(&message, body);
    let _ = wire1::create_response(body);
    let _ = wire1::close_request(body);
    let _ = wire1::read_request(body);
    let _ = wire1::read_response(body);
    for place in [0, 32, body.len()] {
        let _ = wire1::write_andx_request(body, place);
    }
    let _ = wire1::write_request(body);
    let _ = wire1::write_and_close_request(body);
    let _ = wire1::trans_request(&message);
    let _ = wire1::trans_response(body);
    let _ = wire1::rename_request(body);
    let _ = wire1::trans2_request(body);
}

fn read_all_of_two(data: &[u8]) {
    let Ok((message, rest)) = wire2::Message::read(data) else {
        return;
    };
    assert!(message.body.len() + rest.len() <= data.len());
    let body = message.body;
    let _ = wire2::negotiate_request(body);
    let _ = wire2::negotiate_response(body);
    let _ = wire2::session_setup_request(body);
    let _ = wire2::tree_connect_request(body);
    let _ = wire2::tree_connect_response(body);
    let _ = wire2::create_request(body);
    let _ = wire2::create_response(body);
    let _ = wire2::close_request(body);
    let _ = wire2::read_request(body);
    let _ = wire2::read_response(body);
    let _ = wire2::write_request(body);
    let _ = wire2::ioctl_request(body);
    let _ = wire2::ioctl_response(body);
    let _ = wire2::set_info_request(body);
}

#[test]
fn a_cut_message_asks_for_more() {
    let message = one(0, b"");
    for cut in 0..message.len() {
        assert!(wire1::Message::read(&message[..cut]).is_err(), "{cut}");
    }
    assert!(wire1::Message::read(&message).is_ok());
    let mut message = b"\xfeSMB".to_vec();
    message.resize(64, 0);
    for cut in 0..message.len() {
        assert!(wire2::Message::read(&message[..cut]).is_err(), "{cut}");
    }
    assert!(wire2::Message::read(&message).is_ok());
    // Parts of fixed length: a close of either version.
    let close = b"\x03\x05\x10\0\0\0\0\0\0";
    for cut in 0..3 {
        assert!(wire1::close_request(&close[..cut]).is_err(), "{cut}");
    }
    assert!(wire1::close_request(close).is_ok());
    let close = [24; 24];
    for cut in 0..close.len() {
        assert!(wire2::close_request(&close[..cut]).is_err(), "{cut}");
    }
    assert!(wire2::close_request(&close).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_panic(
        flags2 in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..160),
        head in proptest::collection::vec(any::<u8>(), 64),
        next in 0u32..200,
    ) {
        read_all_of_one(&one(flags2, &body));
        let mut two = head;
        two[20..24].copy_from_slice(&next.to_le_bytes());
        two.extend(&body);
        read_all_of_two(&two);
        read_all_of_one(&body);
        read_all_of_two(&body);
    }
}
