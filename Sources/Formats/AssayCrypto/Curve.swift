import AssayDomain
import COpenSSL

/// The elliptic curves whose keys sign models and statements, each with the one hash that goes with it.
///
/// Source: OpenSSF Model Signing v1.0, key mode. Ed25519 is not among them.
package enum Curve: String, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The curve of a key; throws `key-invalid` for a key of another type or on another curve.
    init(of key: KeyHandle) throws(AssayError) {
        let remedy = "use an ECDSA key on P-256, P-384 or P-521"
        guard key.isA("EC") else {
            throw AssayError(.keyInvalid, "the key is of an unsupported type", remedy: remedy)
        }
        var name = [UInt8](repeating: 0, count: 64)
        var length = 0
        let isNamed = name.withUnsafeMutableBytes { buffer in
            let text = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return key.withKey { EVP_PKEY_get_group_name($0, text, buffer.count, &length) }
        }
        guard isNamed == 1, let curve = Curve(groupName: String(decoding: name.prefix(length), as: UTF8.self)) else {
            ERR_clear_error()
            throw AssayError(.keyInvalid, "the key is on an unsupported curve", remedy: remedy)
        }
        self = curve
    }

    /// The curve of an OpenSSL group name, which is the name in X9.62 or SECG.
    private init?(groupName: String) {
        switch groupName {
        case "prime256v1": self = .p256
        case "secp384r1": self = .p384
        case "secp521r1": self = .p521
        default: return nil
        }
    }

    /// The public key of the same point, written in the one way that keys are written here: the curve by its name, and
    /// both coordinates. Throws `key-invalid`.
    ///
    /// Source: RFC 5480, sections 2 and 2.1.1.1. Texts with compressed or hybrid points, or with the parameters of the
    /// curve in place of its name, are of the same key.
    func canonicalKey(of key: KeyHandle) throws(AssayError) -> KeyHandle {
        var bytes = infoPrefix
        for name in ["qx", "qy"] {
            var number: OpaquePointer?  // BIGNUM *, owned
            defer { BN_free(number) }
            var coordinate = [UInt8](repeating: 0, count: coordinateBytes)
            guard key.withKey({ EVP_PKEY_get_bn_param($0, name, &number) }) == 1,
                BN_bn2binpad(number, &coordinate, Int32(coordinate.count)) == Int32(coordinate.count)
            else {
                throw OpenSSLFailure.error("the key has no point", call: "EVP_PKEY_get_bn_param", code: .keyInvalid)
            }
            bytes += coordinate
        }
        let read: OpaquePointer? = bytes.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_PUBKEY(nil, &position, buffer.count)
        }
        guard let read else {
            throw OpenSSLFailure.error("the key's point is not on its curve", call: "d2i_PUBKEY", code: .keyInvalid)
        }
        return KeyHandle(owning: read)
    }

    /// Of one coordinate of a point.
    private var coordinateBytes: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }

    /// What stands before the coordinates of an uncompressed point in a SubjectPublicKeyInfo of this curve: a sequence
    /// of the algorithm, `id-ecPublicKey` with the curve's name, and a bit string that begins with 4.
    private var infoPrefix: [UInt8] {
        let head: [UInt8] =
            switch self {
            case .p256: [0x30, 0x59, 0x30, 0x13]
            case .p384: [0x30, 0x76, 0x30, 0x10]
            case .p521: [0x30, 0x81, 0x9B, 0x30, 0x10]
            }
        let algorithm: [UInt8] = [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
        let name: [UInt8] =
            switch self {
            case .p256: [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42]
            case .p384: [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62]
            case .p521: [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86]
            }
        return head + algorithm + name + [0x00, 0x04]
    }

    /// The hash that a signature on this curve is made over.
    var hash: OpaquePointer? {
        switch self {
        case .p256: EVP_sha256()
        case .p384: EVP_sha384()
        case .p521: EVP_sha512()
        }
    }
}
