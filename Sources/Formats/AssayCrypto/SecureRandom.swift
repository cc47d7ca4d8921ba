package import AssayDomain
import COpenSSL

/// Random bytes that nobody can predict, for secrets and identifiers.
package enum SecureRandom {
    /// Fresh bytes; throws `internal-error` if the system has no randomness to give.
    package static func bytes(_ count: Int) throws(AssayError) -> [UInt8] {
        precondition(0 <= count && count <= Int(Int32.max), "a count of random bytes fits the library")
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(count)) == 1 else {
            throw OpenSSLFailure.error("no randomness", call: "RAND_bytes")
        }
        return bytes
    }
}

/// Comparison whose time tells nothing about where two secrets differ.
package enum ConstantTime {
    /// Whether both are the same bytes; only their lengths show in the time taken.
    package static func equals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Whether both are the same text, byte for byte in UTF-8.
    package static func equals(_ left: String, _ right: String) -> Bool {
        equals(Array(left.utf8), Array(right.utf8))
    }
}
