import AssayDomain
import COpenSSL

/// The PEM text forms of keys (RFC 7468), read strictly and written by OpenSSL.
enum PEM {
    /// The longest text that is looked at; a P-521 key has under 500 characters.
    private static let bytesMax = 16_384

    /// Reads one private key; refuses an encrypted one instead of asking a terminal for its passphrase.
    static func readPrivateKey(_ text: String) throws(AssayError) -> KeyHandle {
        let label = try onlyLabel(of: text)
        guard label == "PRIVATE KEY" || label == "EC PRIVATE KEY" else {
            throw refusal(label: label, wanted: "a private key")
        }
        if text.contains("Proc-Type: 4,ENCRYPTED") { throw encrypted }
        return try read(text, wanted: "a private key") { PEM_read_bio_PrivateKey($0, nil, refusePassphrase, nil) }
    }

    /// Reads one public key in SubjectPublicKeyInfo form.
    static func readPublicKey(_ text: String) throws(AssayError) -> KeyHandle {
        let label = try onlyLabel(of: text)
        guard label == "PUBLIC KEY" else { throw refusal(label: label, wanted: "a public key") }
        return try read(text, wanted: "a public key") { PEM_read_bio_PUBKEY($0, nil, refusePassphrase, nil) }
    }

    /// The PKCS#8 text of a private key, not encrypted.
    static func privateText(of key: KeyHandle) throws(AssayError) -> String {
        try write("PEM_write_bio_PKCS8PrivateKey") { bio in
            key.withKey { PEM_write_bio_PKCS8PrivateKey(bio, $0, nil, nil, 0, nil, nil) }
        }
    }

    /// The SubjectPublicKeyInfo text of a key's public half: lines of 64 characters and a newline at the end.
    static func publicText(of key: KeyHandle) throws(AssayError) -> String {
        try write("PEM_write_bio_PUBKEY") { bio in key.withKey { PEM_write_bio_PUBKEY(bio, $0) } }
    }

    private static var encrypted: AssayError {
        AssayError(
            .keyInvalid, "the private key is encrypted", reason: "keys are read without asking for a passphrase",
            remedy: "decrypt it with 'openssl pkey' into a file that only you can read")
    }

    private static func refusal(label: String, wanted: String) -> AssayError {
        if label == "ENCRYPTED PRIVATE KEY" { return encrypted }
        return AssayError(
            .keyInvalid, "the text is not \(wanted)", reason: "it holds \(Printable.quote(label, limit: 40))")
    }

    /// The label of the one block in the text; anything but blank space around that block is refused.
    private static func onlyLabel(of text: String) throws(AssayError) -> String {
        guard text.utf8.count <= bytesMax else { throw malformed("it is longer than \(bytesMax) bytes") }
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
        let begin = "-----BEGIN ", end = "-----END ", dashes = "-----"
        guard let first = lines.first, let last = lines.last, lines.count > 2,
            first.hasPrefix(begin), first.hasSuffix(dashes), first.utf8.count > begin.utf8.count + dashes.utf8.count
        else { throw malformed("it is not one PEM block") }
        let label = String(first.dropFirst(begin.count).dropLast(dashes.count))
        guard last == end + label + dashes, lines.count(where: { $0.hasPrefix(dashes) }) == 2 else {
            throw malformed("it is not one PEM block")
        }
        return label
    }

    private static func malformed(_ reason: String) -> AssayError {
        AssayError(.keyInvalid, "the key is not readable", reason: reason, remedy: "give one key in PEM form")
    }

    private static func read(
        _ text: String, wanted: String, _ body: (OpaquePointer) -> OpaquePointer?
    ) throws(AssayError) -> KeyHandle {
        let bytes = Array(text.utf8)
        let key: OpaquePointer? = bytes.withUnsafeBytes { buffer in
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else { return nil }
            defer { BIO_free(bio) }
            return body(bio)
        }
        guard let key else {
            throw OpenSSLFailure.error("the text is not \(wanted)", call: "reading PEM", code: .keyInvalid)
        }
        return try KeyHandle(owning: key)
    }

    private static func write(_ call: String, _ body: (OpaquePointer) -> Int32) throws(AssayError) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else {
            throw OpenSSLFailure.error("the key was not written", call: "BIO_new")
        }
        defer { BIO_free(bio) }
        guard body(bio) == 1 else { throw OpenSSLFailure.error("the key was not written", call: call) }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = assay_bio_bytes(bio, &bytes)
        let text = UnsafeRawBufferPointer(start: bytes, count: count)
        defer { OPENSSL_cleanse(bytes, count) }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Answers OpenSSL that there is no passphrase; without a callback it asks the terminal for one.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
