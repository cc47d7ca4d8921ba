import AssayDomain
import COpenSSL

/// The PEM text forms of keys (RFC 7468), read strictly and written by OpenSSL.
enum PEM {
    /// How often a passphrase is hashed into the key that encrypts, by PBKDF2 with HMAC-SHA-256: a tenth of a second.
    private static let encryptionRounds: Int32 = 600_000
    private static let encryptionSaltBytes: Int32 = 16

    /// Reads one private key. `passphrase` is asked only if the key is encrypted, and only once.
    static func readPrivateKey(
        _ text: String, passphrase: (() throws(AssayError) -> String)? = nil
    ) throws(AssayError) -> KeyHandle {
        let (label, text) = try PEMText.block(in: text)
        if label == "ENCRYPTED PRIVATE KEY" || text.contains("Proc-Type: 4,ENCRYPTED") {
            guard let passphrase else { throw encrypted }
            return try readEncryptedKey(text, Passphrase(passphrase()))
        }
        guard label == "PRIVATE KEY" || label == "EC PRIVATE KEY" else {
            throw PEMText.refusal(label: label, wanted: "a private key")
        }
        return try read(text, wanted: "a private key") { PEM_read_bio_PrivateKey($0, nil, givePassphrase, nil) }
    }

    private static func readEncryptedKey(_ text: String, _ passphrase: Passphrase) throws(AssayError) -> KeyHandle {
        do throws(AssayError) {
            return try read(text, wanted: "a private key") { bio in
                passphrase.withContext { PEM_read_bio_PrivateKey(bio, nil, givePassphrase, $0) }
            }
        } catch {
            // What is wrong after the passphrase was used cannot be told from a wrong one: the key is noise then.
            guard passphrase.wasGiven else { throw error }
            throw AssayError(
                .keyInvalid, "the private key cannot be decrypted", reason: "the passphrase is wrong",
                remedy: "give the passphrase that the key was encrypted with")
        }
    }

    /// Reads one public key in SubjectPublicKeyInfo form.
    static func readPublicKey(_ text: String) throws(AssayError) -> KeyHandle {
        try PEMText.demand("PUBLIC KEY", of: text, wanted: "a public key")
        return try read(PEMText.block(in: text).text, wanted: "a public key") {
            PEM_read_bio_PUBKEY($0, nil, givePassphrase, nil)
        }
    }

    /// The PKCS#8 text of a private key, not encrypted.
    static func privateText(of key: KeyHandle) throws(AssayError) -> String {
        try BIOText.write("PEM_write_bio_PKCS8PrivateKey") { bio in
            key.withKey { PEM_write_bio_PKCS8PrivateKey(bio, $0, nil, nil, 0, nil, nil) } == 1
        }
    }

    /// The PKCS#8 text of a private key, encrypted by PBES2 (RFC 8018) with AES-256-CBC.
    static func encryptedText(of key: KeyHandle, _ passphrase: Passphrase) throws(AssayError) -> String {
        guard let plain = key.withKey({ EVP_PKEY2PKCS8($0) }) else {
            throw OpenSSLFailure.error("the key was not encrypted", call: "EVP_PKEY2PKCS8")
        }
        defer { PKCS8_PRIV_KEY_INFO_free(plain) }
        let secret = passphrase.withBytes { bytes in
            PKCS8_encrypt(
                -1, EVP_aes_256_cbc(), bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count),
                nil, encryptionSaltBytes, encryptionRounds, plain)
        }
        guard let secret else { throw OpenSSLFailure.error("the key was not encrypted", call: "PKCS8_encrypt") }
        defer { X509_SIG_free(secret) }
        return try BIOText.write("PEM_write_bio_PKCS8") { PEM_write_bio_PKCS8($0, secret) == 1 }
    }

    /// The SubjectPublicKeyInfo text of a key's public half: lines of 64 characters and a newline at the end.
    static func publicText(of key: KeyHandle) throws(AssayError) -> String {
        try BIOText.write("PEM_write_bio_PUBKEY") { bio in key.withKey { PEM_write_bio_PUBKEY(bio, $0) } == 1 }
    }

    /// The bytes of the one block in a text. Throws `key-invalid`.
    static func content(of text: String) throws(AssayError) -> [UInt8] {
        let text = try PEMText.block(in: text).text
        var name: UnsafeMutablePointer<CChar>?, header: UnsafeMutablePointer<CChar>?
        var content: UnsafeMutablePointer<UInt8>?, count = 0
        let isRead = Array(text.utf8).withUnsafeBytes { buffer in
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else { return false }
            defer { BIO_free(bio) }
            return PEM_read_bio(bio, &name, &header, &content, &count) == 1
        }
        defer { for pointer in [name, header] { CRYPTO_free(pointer, #file, #line) } }
        defer { CRYPTO_free(content, #file, #line) }
        guard isRead else {
            throw OpenSSLFailure.error("the text is not readable", call: "PEM_read_bio", code: .keyInvalid)
        }
        return Array(UnsafeBufferPointer(start: content, count: count))
    }

    private static var encrypted: AssayError {
        AssayError(
            .keyInvalid, "the private key is encrypted", reason: "no passphrase was given",
            remedy: "give it with --passphrase-file FILE or in the variable ASSAY_PASSPHRASE")
    }

    private static func read(
        _ text: String, wanted: String, _ body: (OpaquePointer) -> OpaquePointer?
    ) throws(AssayError) -> KeyHandle {
        var bytes = Array(text.utf8)
        let key: OpaquePointer? = bytes.withUnsafeMutableBytes { buffer in
            defer { OPENSSL_cleanse(buffer.baseAddress, buffer.count) }
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else { return nil }
            defer { BIO_free(bio) }
            return body(bio)
        }
        guard let key else {
            throw OpenSSLFailure.error("the text is not \(wanted)", call: "reading PEM", code: .keyInvalid)
        }
        return KeyHandle(owning: key)
    }
}
