import AssayDomain

/// Why no secure connection to a server comes about, in words for people.
///
/// The library beneath tells it by a text alone, with names of OpenSSL's errors in it; what is not known here stays an
/// error like others.
enum TLSFault {
    case otherName
    case untrusted
    case noTLS

    init?(_ error: any Error) {
        let text = "\(error)"
        if text.contains("failedToValidateHostname") || text.contains("unableToValidateCertificate") {
            self = .otherName
        } else if text.contains("CERTIFICATE_VERIFY_FAILED") {
            self = .untrusted
        } else if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            self = .noTLS
        } else {
            return nil
        }
    }

    /// One sentence of what is wrong, with a next step.
    func error(at endpoint: Endpoint) -> AssayError {
        let (reason, remedy) =
            switch self {
            case .otherName:
                (
                    "its certificate is for another name",
                    "use the name that the certificate has, or give the server one "
                        + "for this name; see it with: openssl s_client -connect \(Self.address(of: endpoint))"
                )
            case .untrusted:
                (
                    "its certificate has ended, or is by an authority that this machine does not trust",
                    "see it with: openssl s_client -connect \(Self.address(of: endpoint)); a CA of your own goes into "
                        + "/usr/local/share/ca-certificates as NAME.crt, then run update-ca-certificates"
                )
            case .noTLS: ("it speaks no TLS", "write http:// if it is meant to be a server without TLS")
            }
        return AssayError(
            .tlsFailed, "no secure connection to \(endpoint.shown)", reason: reason, remedy: remedy)
    }

    /// `HOST:PORT`; 443 where no port is given.
    private static func address(of endpoint: Endpoint) -> String {
        let address = endpoint.baseURL.dropFirst("https://".count)
        let behindBrackets = address.lastIndex(of: "]").map { address[$0...] } ?? address
        return behindBrackets.contains(":") ? String(address) : "\(address):443"
    }
}
