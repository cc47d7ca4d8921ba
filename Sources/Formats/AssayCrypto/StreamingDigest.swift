package import AssayDomain
import COpenSSL

/// A digest computed piece by piece, so that content of any size is hashed while it passes by.
///
/// OpenSSL's EVP interface is used because it picks the processor's SHA instructions where there are any. SHA-2 is part
/// of every OpenSSL, so its calls fail only where memory ran out, which ends a Swift process anyway: they are
/// preconditions, and hashing needs no error path.
///
/// `@unchecked Sendable`: the only state is the hash context, no other object holds its pointer, and one digest has one
/// user at a time. A session that moves between threads hands its digest over with it, and the hand-over orders the
/// calls. Two threads that call one digest at the same time are a bug of the caller.
package final class StreamingDigest: @unchecked Sendable {
    package let algorithm: Digest.Algorithm
    private let context: OpaquePointer  // EVP_MD_CTX *, owned
    private var isFinished = false

    /// Starts a digest of no bytes yet.
    package init(_ algorithm: Digest.Algorithm = .sha256) {
        let context = EVP_MD_CTX_new()
        precondition(EVP_DigestInit_ex(context, algorithm.function, nil) == 1, "OpenSSL computes SHA-2")
        guard let context else { preconditionFailure("a hash context was just used") }
        self.algorithm = algorithm
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes to what is hashed; the buffer is only borrowed.
    package func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(!isFinished, "a finished digest takes no more bytes")
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "OpenSSL computes SHA-2")
    }

    /// Adds bytes to what is hashed.
    package func update(_ bytes: some Sequence<UInt8>) {
        let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { update(UnsafeRawBufferPointer($0)) }
        if isContiguous == nil { Array(bytes).withUnsafeBytes { update($0) } }
    }

    /// The digest of everything added; nothing can be added afterwards.
    package func finalize() -> Digest {
        precondition(!isFinished, "a digest is finished once")
        isFinished = true
        var bytes = [UInt8](repeating: 0, count: algorithm.byteCount)
        precondition(EVP_DigestFinal_ex(context, &bytes, nil) == 1, "OpenSSL computes SHA-2")
        return Digest(algorithm: algorithm, bytes: bytes)
    }
}

extension Digest {
    /// The digest of bytes that are in memory already.
    package static func of(_ bytes: some Sequence<UInt8>, algorithm: Algorithm = .sha256) -> Digest {
        let digest = StreamingDigest(algorithm)
        digest.update(bytes)
        return digest.finalize()
    }

    /// The SHA-256 digest of bytes that are in memory already.
    package static func sha256(of bytes: some Sequence<UInt8>) -> Digest { of(bytes) }
}

extension Digest.Algorithm {
    /// OpenSSL's description of the hash function, a constant of the library.
    var function: OpaquePointer? {
        switch self {
        case .sha256: EVP_sha256()
        case .sha512: EVP_sha512()
        }
    }
}
