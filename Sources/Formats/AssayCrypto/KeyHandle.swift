import AssayDomain
import COpenSSL

/// Owns one OpenSSL key of any type.
///
/// `Sendable` without a lock: the key is never changed after `init`, and OpenSSL allows any number of threads to sign
/// and verify with one key as long as each call has its own context, which `sign` and `verify` make.
final class KeyHandle: @unchecked Sendable {
    private let key: OpaquePointer  // EVP_PKEY *, owned

    /// Takes over a key.
    init(owning key: OpaquePointer) { self.key = key }

    deinit { EVP_PKEY_free(key) }

    /// Lends the key to one call.
    func withKey<Result>(_ body: (OpaquePointer) -> Result) -> Result { body(key) }

    /// Whether the key is of a type, by OpenSSL's name for it.
    func isA(_ type: String) -> Bool { EVP_PKEY_is_a(key, type) == 1 }

    /// The signature of a message by the scheme of the key's type; `hash` is nil for a type that has its own.
    func sign(_ message: [UInt8], hash: OpaquePointer?) throws(AssayError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_MD_CTX_new")
        }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestSignInit(context, nil, hash, nil, key) == 1 else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_DigestSignInit")
        }
        var length = Int(EVP_PKEY_get_size(key))
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_DigestSign")
        }
        return Array(signature.prefix(length))
    }

    /// Whether a signature is this key's for exactly that message; every failure means no.
    func verify(signature: [UInt8], message: [UInt8], hash: OpaquePointer?) -> Bool {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard EVP_DigestVerifyInit(context, nil, hash, nil, key) == 1 else { return false }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
