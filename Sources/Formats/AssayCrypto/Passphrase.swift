import AssayDomain
import COpenSSL

/// The bytes of a passphrase, lent to OpenSSL and wiped at the end.
///
/// The text that it was made from is Swift's, and nobody can wipe that.
final class Passphrase {
    /// The most bytes of a passphrase, which is the most that OpenSSL asks for (`PEM_BUFSIZE`).
    private static let bytesMax = 1024

    private let bytes: UnsafeMutableRawBufferPointer  // owned
    /// Whether OpenSSL has asked for it.
    private(set) var wasGiven = false

    /// Throws `key-invalid` if the text is longer than OpenSSL can take.
    init(_ text: String) throws(AssayError) {
        let count = text.utf8.count
        guard count <= Self.bytesMax else {
            throw AssayError(.keyInvalid, "the passphrase is longer than \(Self.bytesMax) bytes")
        }
        bytes = .allocate(byteCount: count, alignment: 1)
        bytes.copyBytes(from: text.utf8)
    }

    deinit {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    /// Lends the bytes to one call.
    func withBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result { body(bytes) }

    /// Lends the last argument of `givePassphrase` to one call.
    func withContext<Result>(_ body: (UnsafeMutableRawPointer) -> Result) -> Result {
        withExtendedLifetime(self) { body(Unmanaged.passUnretained(self).toOpaque()) }
    }

    fileprivate func give(to buffer: UnsafeMutableRawBufferPointer) -> Int32 {
        wasGiven = true
        guard bytes.count <= buffer.count else { return -1 }
        buffer.copyMemory(from: UnsafeRawBufferPointer(bytes))
        return Int32(bytes.count)
    }
}

/// Answers OpenSSL when it asks for a passphrase: with that of the context, or that there is none.
///
/// It goes with every call that reads a key, since OpenSSL asks the terminal where there is no such function.
func givePassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _: Int32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let buffer, let context else { return -1 }
    return Unmanaged<Passphrase>.fromOpaque(context).takeUnretainedValue()
        .give(to: UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)))
}
