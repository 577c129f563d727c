//! Transaction → the `modbus` object.

use sawp_modbus::{Data, Message, Read, Write};
use sensor_event::{Modbus, ModbusCode, ModbusMessage, ModbusRead, ModbusWrite, Text};

use super::ModbusTransaction;

pub fn record(tx: &ModbusTransaction, number: u64) -> Modbus<'_> {
    Modbus {
        id: number + 1,
        request: tx.request.as_ref().map(message),
        response: tx.response.as_ref().map(message),
    }
}

fn message(message: &Message) -> ModbusMessage<'_> {
    let mut out = ModbusMessage {
        transaction_id: message.transaction_id,
        protocol_id: message.protocol_id,
        unit_id: message.unit_id,
        function_raw: message.function.raw,
        function_code: message.function.code.to_string(),
        access_type: message.access_type.to_string(),
        category: message.category.to_string(),
        error_flags: message.error_flags.to_string(),
        exception: None,
        diagnostic: None,
        mei: None,
        read: None,
        write: None,
        data: None,
    };
    match &message.data {
        Data::Exception(exception) => {
            out.exception = Some(ModbusCode {
                raw: exception.raw.into(),
                code: exception.code.to_string(),
                data: None,
            });
        }
        Data::Diagnostic { func, data } => {
            out.diagnostic = Some(ModbusCode {
                raw: func.raw,
                code: func.code.to_string(),
                data: Some(Text(data)),
            });
        }
        Data::MEI { mei_type, data } => {
            out.mei = Some(ModbusCode {
                raw: mei_type.raw.into(),
                code: mei_type.code.to_string(),
                data: Some(Text(data)),
            });
        }
        Data::Read(one) => out.read = Some(read(one)),
        Data::Write(one) => out.write = Some(write(one)),
        Data::ReadWrite {
            read: first,
            write: second,
        } => {
            out.read = Some(read(first));
            out.write = Some(write(second));
        }
        Data::ByteVec(data) => out.data = Some(Text(data)),
        Data::Empty => {}
    }
    out
}

fn read(read: &Read) -> ModbusRead<'_> {
    match read {
        Read::Request { address, quantity } => ModbusRead::Request {
            address: *address,
            quantity: *quantity,
        },
        Read::Response(data) => ModbusRead::Response { data: Text(data) },
    }
}

fn write(write: &Write) -> ModbusWrite<'_> {
    match write {
        Write::MultReq {
            address,
            quantity,
            data,
        } => ModbusWrite::Many {
            address: *address,
            quantity: *quantity,
            data: Text(data),
        },
        Write::Mask {
            address,
            and_mask,
            or_mask,
        } => ModbusWrite::Mask {
            address: *address,
            and_mask: *and_mask,
            or_mask: *or_mask,
        },
        Write::Other { address, data } => ModbusWrite::One {
            address: *address,
            data: *data,
        },
    }
}
