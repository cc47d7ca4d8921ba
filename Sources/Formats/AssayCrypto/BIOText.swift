import AssayDomain
import COpenSSL

/// Texts that OpenSSL writes, taken from its memory and wiped there.
enum BIOText {
    /// What `body` writes; `call` names what it calls. Throws `code` if it says that it failed.
    static func write(
        _ call: String, code: ErrorCode = .internalError, _ body: (OpaquePointer) -> Bool
    ) throws(AssayError) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else {
            throw OpenSSLFailure.error("nothing was written", call: "BIO_new")
        }
        defer { BIO_free(bio) }
        guard body(bio) else { throw OpenSSLFailure.error("nothing was written", call: call, code: code) }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = assay_bio_bytes(bio, &bytes)
        let text = UnsafeRawBufferPointer(start: bytes, count: count)
        defer { OPENSSL_cleanse(bytes, count) }
        return String(decoding: text, as: UTF8.self)
    }
}
