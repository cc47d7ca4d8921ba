import AssayCrypto
import AssayDomain
import Testing

struct CertificateChainTests {
    private func code(
        _ chain: [Certificate], _ roots: [Certificate], at time: Timestamp = CertificateSamples.time
    ) -> ErrorCode? {
        do throws(AssayError) {
            _ = try CertificateChain.prove(chain, roots: roots, at: time)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: [
        ("good", "root"), ("direct", "root"), ("p521", "root"), ("rsa-root", "roots/rsa"),
        ("ed25519-root", "roots/ed25519"), ("signature-usage", "root"), ("code-signing", "root"),
        ("odd-name", "root"), ("alone", "roots/alone"),
    ])
    func `a chain that ends at a root gives the key of its first certificate`(name: String, rootName: String) throws {
        let chain = try CertificateSamples.chain(name), root = try CertificateSamples.root(rootName)
        let other = try CertificateSamples.root("roots/other")
        let proof = try CertificateChain.prove(chain, roots: [other, root], at: CertificateSamples.time)
        #expect(try proof.publicKey == chain[0].publicKey)
        #expect(proof.root == root)
        #expect(
            try CertificateChain.prove(chain + [root], roots: [root], at: CertificateSamples.time).publicKey
                == proof.publicKey)
    }

    @Test(arguments: [
        "no-usage", "tls", "authority", "rsa-leaf", "ed25519-leaf", "sha1", "no-authority", "path-length", "critical",
        "forged",
    ])
    func `a chain that is not valid is refused though its root is trusted`(name: String) throws {
        let chain = try CertificateSamples.chain(name)
        #expect(code(chain, [try CertificateSamples.root()]) == .signatureInvalid)
    }

    @Test func `a root with a weak key is refused`() throws {
        let weak = try CertificateSamples.root("roots/weak")
        #expect(code(try CertificateSamples.chain("weak-root"), [weak]) == .signatureInvalid)
    }

    @Test(arguments: ["roots/other", "roots/twin", "roots/rsa", "roots/past"])
    func `a chain that ends at no root of ours is not trusted`(name: String) throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        #expect(code(chain, [try CertificateSamples.root(name)]) == .untrustedKey)
        #expect(code(chain + [root], [try CertificateSamples.root(name)]) == .untrustedKey)
    }

    @Test func `without a root, or with one that signs not itself, nothing is trusted`() throws {
        let chain = try CertificateSamples.chain("good")
        #expect(code(chain, []) == .untrustedKey)
        #expect(code(chain, [chain[1]]) == .untrustedKey)
        #expect(code(chain, [chain[0]]) == .untrustedKey)
        #expect(code(try CertificateSamples.chain("alone"), [try CertificateSamples.root()]) == .untrustedKey)
    }

    @Test func `a chain with a gap is not trusted`() throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        #expect(code([chain[0]], [root]) == .untrustedKey)
        #expect(code([chain[0], root], [root]) == .untrustedKey)
    }

    @Test func `certificates between may stand in any order and the first one may not`() throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        #expect(code([chain[0], root, chain[1]], [root]) == nil)
        #expect(code([chain[1], chain[0]], [root]) == .signatureInvalid)
    }

    @Test func `no certificate, or too many, are refused`() throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        let limit = CertificateChain.countMax
        #expect(code([], [root]) == .signatureInvalid)
        #expect(code(chain + Array(repeating: root, count: limit - 2), [root]) == nil)
        #expect(code(chain + Array(repeating: root, count: limit - 1), [root]) == .signatureInvalid)
    }

    @Test(arguments: [
        ("past-leaf", "root", "CN=Past Signer"), ("past-intermediate", "root", "CN=Past Intermediate"),
        ("past-root", "roots/past", "CN=Past Root"),
    ])
    func `an expired certificate anywhere on the way is refused`(name: String, rootName: String, says: String) throws {
        let chain = try CertificateSamples.chain(name), root = try CertificateSamples.root(rootName)
        let error = try #require(throws: AssayError.self) {
            try CertificateChain.prove(chain, roots: [root], at: CertificateSamples.time)
        }
        #expect(error.code == .expired)
        #expect(error.message.contains(says) && error.message.contains("has expired"))
        #expect(error.reason == "it was valid until 2002-01-01T00:00:00.000Z and the time is 2050-01-01T00:00:00.000Z")
    }

    @Test func `the dates bound the time to the second`() throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        let first = chain[0].notBefore, end = chain[0].notAfter
        let early = Timestamp(milliseconds: first.milliseconds - 1)
        #expect(code(chain, [root], at: first) == nil)
        #expect(code(chain, [root], at: early) == .expired)
        #expect(code(chain, [root], at: Timestamp(milliseconds: end.milliseconds - 1)) == nil)
        #expect(code(chain, [root], at: end) == .expired)
        let error = try #require(throws: AssayError.self) {
            try CertificateChain.prove(chain, roots: [root], at: early)
        }
        #expect(error.message.contains("is not valid yet"))
        #expect(error.reason == "it is valid from 2020-01-01T00:00:00.000Z and the time is 2019-12-31T23:59:59.999Z")
    }

    @Test(arguments: [Int64.min, -1, 0, Int64.max])
    func `no time is too odd to say no`(milliseconds: Int64) throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        #expect(code(chain, [root], at: Timestamp(milliseconds: milliseconds)) != nil)
    }

    @Test func `no changed bit of a certificate goes unnoticed`() throws {
        let chain = try CertificateSamples.chain("good"), root = try CertificateSamples.root()
        for position in chain.indices {
            for index in chain[position].der.indices {
                var der = chain[position].der
                der[index] ^= 1
                // What cannot be read as a certificate is noticed, too.
                guard let damaged = try? Certificate(der: der) else { continue }
                var chain = chain
                chain[position] = damaged
                #expect(code(chain, [root]) != nil, "certificate \(position), byte \(index)")
            }
        }
    }
}
