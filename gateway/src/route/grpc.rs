//! Which requests are gRPC.

use crate::header_map::HeaderMap;

/// Whether a request is gRPC over HTTP/2 (its protocol, "Requests"): its one content type is `application/grpc`, perhaps with
/// `+` and a format. A server may give anything else at the same path another meaning, gRPC-Web among it.
pub(crate) fn is_grpc(headers: HeaderMap<'_>) -> bool {
    let mut values = headers.values("content-type");
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let Some((name, format)) = essence.split_at_checked(b"application/grpc".len()) else {
        return false;
    };
    let is_format = |format: &[u8]| {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        matches!(format, [b'+', first @ ..] if !first.is_empty() && first.iter().all(is_letter))
    };
    name.eq_ignore_ascii_case(b"application/grpc") && (format.is_empty() || is_format(format))
}

#[cfg(test)]
mod tests {
    use super::is_grpc;
    use crate::header_map::HeaderBuffer;

    #[test]
    fn grpc_has_a_content_type_of_its_own() {
        let of = |values: &[&str]| {
            is_grpc(HeaderBuffer::from_pairs(values.iter().map(|value| ("Content-Type", value))).as_map())
        };
        for value in [
            "application/grpc",
            "application/grpc+proto",
            "Application/GRPC",
            "application/grpc;x=y",
            "application/grpc+json ; x",
        ] {
            assert!(of(&[value]), "{value}");
        }
        for value in [
            "",
            "application/json",
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpcx",
            "application/grpc+",
            "application/grpc+a b",
            "application/grpc, application/json",
            "text/plain; application/grpc",
        ] {
            assert!(!of(&[value]), "{value}");
        }
        assert!(!of(&[]));
        assert!(!of(&["application/grpc", "application/grpc"]));
        assert!(!of(&["application/json", "application/grpc"]));
    }
}
