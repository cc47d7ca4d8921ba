import AssayDomain
import COpenSSL

/// The certificates that are trusted, as OpenSSL checks others against them.
struct CertificateStore: ~Copyable {
    private let store: OpaquePointer  // X509_STORE *, owned
    private let strengthLevel: Int32

    /// A store without a certificate. `strengthLevel` is OpenSSL's number for how strong the signatures and keys on a
    /// path must be.
    init(strengthLevel: Int32) throws(AssayError) {
        guard let store = X509_STORE_new() else {
            throw OpenSSLFailure.error("nothing was verified", call: "X509_STORE_new")
        }
        self.store = store
        self.strengthLevel = strengthLevel
    }

    deinit { X509_STORE_free(store) }

    /// Trusts one more certificate.
    func add(_ root: Certificate) throws(AssayError) {
        guard try X509Handle(der: root.der).withCertificate({ X509_STORE_add_cert(store, $0) }) == 1 else {
            throw OpenSSLFailure.error("nothing was verified", call: "X509_STORE_add_cert")
        }
    }

    /// The root at which the path of a certificate ends; the others are untrusted and may lie on that path.
    func root(
        of leaf: borrowing X509Handle, others: borrowing CertificateStack, at time: Timestamp
    ) throws(AssayError) -> Certificate {
        guard let context = X509_STORE_CTX_new() else {
            throw OpenSSLFailure.error("nothing was verified", call: "X509_STORE_CTX_new")
        }
        defer {
            X509_STORE_CTX_free(context)
            ERR_clear_error()
        }
        guard
            leaf.withCertificate({ leaf in others.withStack { X509_STORE_CTX_init(context, store, leaf, $0) } }) == 1,
            let parameters = X509_STORE_CTX_get0_param(context)
        else { throw OpenSSLFailure.error("nothing was verified", call: "X509_STORE_CTX_init") }
        X509_VERIFY_PARAM_set_time(parameters, Int((Double(time.milliseconds) / 1000).rounded(.down)))
        X509_VERIFY_PARAM_set_depth(parameters, Int32(CertificateChain.countMax))
        X509_VERIFY_PARAM_set_auth_level(parameters, strengthLevel)
        guard X509_verify_cert(context) == 1, X509_STORE_CTX_get_error(context) == X509_V_OK else {
            throw refusal(context, at: time)
        }
        let path = X509_STORE_CTX_get0_chain(context)
        guard let root = OPENSSL_sk_value(path, OPENSSL_sk_num(path) - 1) else {
            throw OpenSSLFailure.error("nothing was verified", call: "X509_STORE_CTX_get0_chain")
        }
        return try Certificate(der: X509Handle.der(of: OpaquePointer(root)))
    }

    /// Why a path was refused; anything that is neither a matter of trust nor of time makes the chain invalid.
    private func refusal(_ context: OpaquePointer, at time: Timestamp) -> AssayError {
        let code = X509_STORE_CTX_get_error(context)
        let current = X509_STORE_CTX_get_current_cert(context).flatMap { certificate in
            // Without a name the refusal says less and stays the same.
            try? Certificate(der: X509Handle.der(of: certificate))
        }
        let name = current.map { "the certificate of \(Printable.quote($0.subject))" } ?? "a certificate"
        switch code {
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return AssayError(
                .expired, "\(name) is not valid yet",
                reason: current.map { "it is valid from \($0.notBefore) and the time is \(time)" })
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return AssayError(
                .expired, "\(name) has expired",
                reason: current.map { "it was valid until \($0.notAfter) and the time is \(time)" })
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_UNTRUSTED:
            return AssayError(
                .untrustedKey, "the certificate chain does not end at a trusted root", reason: "it ends at \(name)",
                remedy: "name the root that signed it as one that you trust, if you do")
        default:
            let reason = X509_verify_cert_error_string(Int(code)).map { String(cString: $0) }
            return AssayError(
                .signatureInvalid, "the certificate chain is not valid", reason: "\(name): \(reason ?? "no reason")")
        }
    }
}

/// Owns a list of certificates for OpenSSL.
struct CertificateStack: ~Copyable {
    private let stack: OpaquePointer  // STACK_OF(X509) *, owned

    /// A list of nothing.
    init() throws(AssayError) {
        guard let stack = OPENSSL_sk_new_null() else {
            throw OpenSSLFailure.error("nothing was verified", call: "OPENSSL_sk_new_null")
        }
        self.stack = stack
    }

    deinit { OPENSSL_sk_pop_free(stack) { X509_free($0.map(OpaquePointer.init)) } }

    /// Adds one more certificate.
    func add(_ certificate: Certificate) throws(AssayError) {
        let isAdded = try X509Handle(der: certificate.der).withCertificate { pointer in
            X509_add_cert(stack, pointer, X509_ADD_FLAG_UP_REF)
        }
        guard isAdded == 1 else { throw OpenSSLFailure.error("nothing was verified", call: "X509_add_cert") }
    }

    /// Lends the list to one call.
    func withStack<Result>(_ body: (OpaquePointer) -> Result) -> Result { body(stack) }
}
