import AssayCrypto
import AssayDomain
import Testing

struct KeyTests {
    private let message = Array("what is signed".utf8)

    @Test(arguments: Curve.allCases)
    func `a signature verifies for its message and key only`(curve: Curve) throws {
        let key = try PrivateKey.generate(curve)
        let signature = try key.sign(message)
        #expect(key.curve == curve)
        #expect(key.publicKey.verify(signature: signature, message: message))
        #expect(!key.publicKey.verify(signature: signature, message: message + [0]))
        #expect(!(try PrivateKey.generate(curve).publicKey.verify(signature: signature, message: message)))
    }

    @Test(arguments: Curve.allCases)
    func `a key survives its text form`(curve: Curve) throws {
        let key = try PrivateKey.generate(curve)
        let again = try PrivateKey(pem: key.pem)
        #expect(again.publicKey == key.publicKey)
        #expect(try PublicKey(pem: key.publicKey.pem).verify(signature: again.sign(message), message: message))
    }

    @Test func `damaged signatures do not verify and leave no trace`() throws {
        let key = try PrivateKey.generate()
        let signature = try key.sign(message)
        for damaged in KeySamples.damaged(signature) {
            #expect(!key.publicKey.verify(signature: damaged, message: message))
        }
        #expect(key.publicKey.verify(signature: signature, message: message))
    }

    @Test func `the id is the hash of the canonical text`() throws {
        let key = try PrivateKey.generate().publicKey
        #expect(key.id == Digest.sha256(of: key.pem.utf8).hex)
        #expect(key.pem.hasSuffix("-----END PUBLIC KEY-----\n"))
        let windows = key.pem.split(separator: "\n").joined(separator: "\r\n")
        #expect(try PublicKey(pem: "\n" + windows).id == key.id)
    }

    @Test(arguments: KeyForms.all)
    func `a key has one text and one id, whatever form it was read from`(key: KeyForms.Key) throws {
        let plain = try PublicKey(pem: key.plain)
        #expect(plain.pem == key.plain)
        for other in key.others {
            let read = try PublicKey(pem: other)
            #expect(read.id == plain.id)
            #expect(read.pem == key.plain)
            #expect(read == plain)
        }
    }

    @Test(arguments: KeySamples.refusedPrivateKeys + KeySamples.encryptedPrivateKeys)
    func `a private key of another form is refused`(sample: KeySamples.Sample) throws {
        let error = try #require(throws: AssayError.self) { try PrivateKey(pem: sample.pem) }
        #expect(error.code == .keyInvalid)
        #expect(error.description.contains(sample.says))
    }

    @Test(arguments: KeySamples.refusedPublicKeys)
    func `a public key of another form is refused`(sample: KeySamples.Sample) throws {
        let error = try #require(throws: AssayError.self) { try PublicKey(pem: sample.pem) }
        #expect(error.code == .keyInvalid)
        #expect(error.description.contains(sample.says))
    }

    @Test func `text around a key is passed over`() throws {
        let key = try PrivateKey.generate()
        let pem = key.publicKey.pem
        for text in [
            "note\n" + pem, pem + "note\n", "Public-Key: (256 bit)\n    pub:\n\n" + pem + "\n\u{2014} the end",
        ] {
            #expect(try PublicKey(pem: text) == key.publicKey)
            #expect(try TrustAnchor.identity(ofPEM: text, role: .release).pem == pem)
        }
        #expect(try PrivateKey(pem: "note\n" + key.pem + "note\n").publicKey == key.publicKey)
    }

    @Test func `two keys, or the half of one, are refused`() throws {
        let pem = try PrivateKey.generate().publicKey.pem
        let secret = try PrivateKey.generate().pem
        for text in [
            pem + pem, secret + pem, pem + secret, String(pem.dropLast(30)), "-----\n" + pem,
            pem + "-----END PUBLIC KEY-----\n", "-----BEGIN CERTIFICATE-----\n" + pem,
            pem.replacing("-----BEGIN", with: " -----BEGIN"),
        ] {
            let error = try #require(throws: AssayError.self) { try PublicKey(pem: text) }
            #expect(error.code == .keyInvalid)
        }
    }

    @Test func `a private key is not taken for a public one`() throws {
        let key = try PrivateKey.generate()
        let text = try key.pem
        #expect(throws: AssayError.self) { try PublicKey(pem: text) }
        #expect(throws: AssayError.self) { try PrivateKey(pem: key.publicKey.pem) }
    }
}

struct SecretTests {
    @Test func `random bytes have the length asked for and differ`() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(32).count == 32)
        #expect(try SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }

    @Test func `constant-time comparison tells equal from different`() {
        #expect(ConstantTime.equals([1, 2], [1, 2]))
        #expect(!ConstantTime.equals([1, 2], [1, 3]))
        #expect(!ConstantTime.equals([1, 2], [1, 2, 3]))
        #expect(ConstantTime.equals("", ""))
        #expect(ConstantTime.equals("token", "token"))
    }
}
