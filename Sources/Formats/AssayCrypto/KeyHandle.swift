import AssayDomain
import COpenSSL

/// Owns one OpenSSL key on a supported curve.
///
/// `Sendable` without a lock: the key is never changed after `init`, and OpenSSL allows any number of threads to sign
/// and verify with one key as long as each call has its own context, which `sign` and `verify` make.
final class KeyHandle: @unchecked Sendable {
    let curve: Curve
    private let key: OpaquePointer  // EVP_PKEY *, owned

    /// Takes over a key; it is freed here even if it is refused.
    init(owning key: OpaquePointer) throws(AssayError) {
        do throws(AssayError) {
            self.curve = try Self.curve(of: key)
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
        self.key = key
    }

    deinit { EVP_PKEY_free(key) }

    /// Lends the key to one call.
    func withKey<Result>(_ body: (OpaquePointer) -> Result) -> Result { body(key) }

    private static func curve(of key: OpaquePointer) throws(AssayError) -> Curve {
        let remedy = "use an ECDSA key on P-256, P-384 or P-521"
        guard EVP_PKEY_is_a(key, "EC") == 1 else {
            throw AssayError(.keyInvalid, "the key is of an unsupported type", remedy: remedy)
        }
        var name = [UInt8](repeating: 0, count: 64)
        var length = 0
        let isNamed = name.withUnsafeMutableBytes { buffer in
            EVP_PKEY_get_group_name(key, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, &length)
        }
        guard isNamed == 1, let curve = Curve(groupName: String(decoding: name.prefix(length), as: UTF8.self)) else {
            ERR_clear_error()
            throw AssayError(.keyInvalid, "the key is on an unsupported curve", remedy: remedy)
        }
        return curve
    }
}
