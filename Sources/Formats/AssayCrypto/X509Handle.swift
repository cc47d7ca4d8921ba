import AssayDomain
import COpenSSL

/// Owns one OpenSSL certificate.
struct X509Handle: ~Copyable {
    private let certificate: OpaquePointer  // X509 *, owned

    /// Reads a certificate that is nothing but DER, in the one encoding that DER allows; throws `key-invalid`.
    init(der: [UInt8]) throws(AssayError) {
        let parsed: OpaquePointer? = der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_X509(nil, &position, buffer.count)
        }
        guard let parsed else {
            throw OpenSSLFailure.error("the certificate is not readable", call: "d2i_X509", code: .keyInvalid)
        }
        guard Self.der(of: parsed) == der else {
            X509_free(parsed)
            throw AssayError(.keyInvalid, "the certificate is not readable", reason: "it is not in DER form")
        }
        certificate = parsed
    }

    deinit { X509_free(certificate) }

    /// Lends the certificate to one call.
    func withCertificate<Result>(_ body: (OpaquePointer) -> Result) -> Result { body(certificate) }

    /// The DER form of a certificate that somebody else owns; empty if it cannot be encoded.
    static func der(of certificate: OpaquePointer) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, Int(i2d_X509(certificate, nil))))
        let written = bytes.withUnsafeMutableBufferPointer { buffer in
            var position = buffer.baseAddress
            return i2d_X509(certificate, &position)
        }
        return written == bytes.count ? bytes : []
    }

    /// The PEM text: lines of 64 characters and a newline at the end.
    func pem() throws(AssayError) -> String {
        try BIOText.write("PEM_write_bio_X509") { PEM_write_bio_X509($0, certificate) == 1 }
    }

    /// The subject as RFC 2253 writes it, in UTF-8 and on one line.
    func subject() throws(AssayError) -> String {
        try BIOText.write("X509_NAME_print_ex", code: .keyInvalid) {
            assay_write_name($0, X509_get_subject_name(certificate)) >= 0
        }
    }

    /// The first moment at which the certificate counts.
    func notBefore() throws(AssayError) -> Timestamp { try Self.timestamp(X509_get0_notBefore(certificate)) }

    /// The moment from which the certificate counts no more.
    func notAfter() throws(AssayError) -> Timestamp { try Self.timestamp(X509_get0_notAfter(certificate)) }

    private static func timestamp(_ time: UnsafePointer<ASN1_TIME>?) throws(AssayError) -> Timestamp {
        let epoch = ASN1_TIME_set(nil, 0)
        defer { ASN1_STRING_free(epoch) }
        var days: Int32 = 0, seconds: Int32 = 0
        guard let time, let epoch, ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else {
            throw OpenSSLFailure.error("the certificate has no dates", call: "ASN1_TIME_diff", code: .keyInvalid)
        }
        return Timestamp(milliseconds: (Int64(days) * 86_400 + Int64(seconds)) * 1000)
    }

    /// The key that is certified, which keeps nothing else of the certificate alive.
    func publicKey() throws(AssayError) -> KeyHandle {
        guard let key = X509_get0_pubkey(certificate), EVP_PKEY_up_ref(key) == 1 else {
            throw OpenSSLFailure.error("the certificate has no usable key", call: "X509_get0_pubkey", code: .keyInvalid)
        }
        return KeyHandle(owning: key)
    }

    /// Whether the certificate says that its key may sign: key usage `digitalSignature`, or extended `codeSigning`.
    ///
    /// Source: the reference tool, which wants one of both; a certificate that says nothing may not.
    var isForSigning: Bool {
        let flags = X509_get_extension_flags(certificate)
        if flags & UInt32(EXFLAG_KUSAGE) != 0, X509_get_key_usage(certificate) & UInt32(KU_DIGITAL_SIGNATURE) != 0 {
            return true
        }
        return flags & UInt32(EXFLAG_XKUSAGE) != 0
            && X509_get_extended_key_usage(certificate) & UInt32(XKU_CODE_SIGN) != 0
    }
}
