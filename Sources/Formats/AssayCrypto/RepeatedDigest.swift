import COpenSSL

/// SHA-256 of many short messages, one after another: the hash context is made once and used again.
///
/// Not for two threads at a time. As with `StreamingDigest`, SHA-2 fails only where memory ran out.
package final class RepeatedSHA256 {
    package static let byteCount = 32

    private let context: OpaquePointer  // EVP_MD_CTX *, owned

    package init() {
        let context = EVP_MD_CTX_new()
        precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "OpenSSL computes SHA-2")
        guard let context else { preconditionFailure("a hash context was just used") }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Writes the digest of a prefix byte and two parts that follow it to a buffer of 32 bytes.
    package func hash(
        _ prefix: UInt8, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
        into digest: UnsafeMutableRawBufferPointer
    ) {
        precondition(digest.count == Self.byteCount, "a SHA-256 digest has 32 bytes")
        var prefix = prefix
        var isDone = EVP_DigestUpdate(context, &prefix, 1) == 1
        isDone = isDone && EVP_DigestUpdate(context, first.baseAddress, first.count) == 1
        isDone = isDone && EVP_DigestUpdate(context, second.baseAddress, second.count) == 1
        let output = digest.baseAddress?.assumingMemoryBound(to: UInt8.self)
        isDone = isDone && EVP_DigestFinal_ex(context, output, nil) == 1
        // Without a type the context starts again with the one that it has.
        precondition(isDone && EVP_DigestInit_ex(context, nil, nil) == 1, "OpenSSL computes SHA-2")
    }
}
