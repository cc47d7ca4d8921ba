import AssayCrypto
import AssayDomain
import Testing

struct PassphraseTests {
    private func refusal(_ pem: String, _ passphrase: String) throws -> AssayError {
        try #require(throws: AssayError.self) { try PrivateKey(pem: pem, passphrase: { passphrase }) }
    }

    @Test(arguments: KeySamples.encryptedPrivateKeys)
    func `an encrypted key is read with its passphrase, asked once`(sample: KeySamples.Sample) throws {
        var count = 0
        let key = try PrivateKey(pem: sample.pem) {
            count += 1
            return KeySamples.passphrase
        }
        #expect(key.publicKey.pem == KeySamples.publicHalf)
        #expect(count == 1)
    }

    @Test(arguments: KeySamples.encryptedPrivateKeys, ["", "correct horse", "correct hörse\n", "correct ho\u{308}rse"])
    func `a wrong passphrase is told in plain words`(sample: KeySamples.Sample, passphrase: String) throws {
        let error = try refusal(sample.pem, passphrase)
        #expect(error.code == .keyInvalid)
        #expect(error.reason == "the passphrase is wrong")
    }

    @Test(arguments: KeySamples.encryptedPrivateKeys)
    func `without a passphrase the error says how to give one`(sample: KeySamples.Sample) throws {
        let error = try #require(throws: AssayError.self) { try PrivateKey(pem: sample.pem) }
        #expect(error.code == .keyInvalid)
        #expect(error.remedy?.contains("--passphrase-file FILE") == true)
        #expect(error.remedy?.contains("ASSAY_PASSPHRASE") == true)
    }

    @Test(arguments: KeySamples.encryptedPrivateKeys)
    func `a failure to give the passphrase is what the caller sees`(sample: KeySamples.Sample) throws {
        let error = try #require(throws: AssayError.self) {
            try PrivateKey(pem: sample.pem) { () throws(AssayError) in throw AssayError(.fileNotFound, "no file") }
        }
        #expect(error.code == .fileNotFound)
    }

    @Test func `a key that is not encrypted asks for nothing`() throws {
        let key = try PrivateKey.generate()
        let again = try PrivateKey(pem: key.pem) { () throws(AssayError) in throw AssayError(.usage, "asked") }
        #expect(again.publicKey == key.publicKey)
    }

    @Test(arguments: zip([Curve.p256, .p384, .p521], [1, 24, 1024]))
    func `an encrypted text is read back`(curve: Curve, length: Int) throws {
        let passphrase = String(repeating: "p", count: length)
        let key = try PrivateKey.generate(curve)
        let text = try key.encryptedPEM(passphrase: passphrase)
        #expect(try PEMText.label(of: text) == "ENCRYPTED PRIVATE KEY")
        #expect(try PrivateKey(pem: text, passphrase: { passphrase }).publicKey == key.publicKey)
        #expect(try refusal(text, "q" + passphrase.dropFirst()).code == .keyInvalid)
    }

    @Test(arguments: [0, 1025])
    func `an empty or a long passphrase is refused`(length: Int) throws {
        let passphrase = String(repeating: "p", count: length)
        let key = try PrivateKey.generate()
        let error = try #require(throws: AssayError.self) { try key.encryptedPEM(passphrase: passphrase) }
        #expect(error.code == .keyInvalid)
        #expect(try refusal(KeySamples.encryptedPrivateKeys[0].pem, passphrase).code == .keyInvalid)
    }

    @Test func `an encrypted key that is cut short is refused`() throws {
        let lines = KeySamples.encryptedPrivateKeys[0].pem.split(separator: "\n")
        let body = lines.dropFirst().dropLast().joined()
        for length in stride(from: 4, to: body.count, by: 4) {
            let text = "\(lines[0])\n\(body.prefix(length))\n\(lines[lines.count - 1])\n"
            #expect(try refusal(text, KeySamples.passphrase).code == .keyInvalid)
        }
    }

    @Test func `another type of key is refused after its passphrase`() throws {
        let error = try refusal(KeySamples.encryptedEd25519, KeySamples.passphrase)
        #expect(error.description.contains("P-256"))
    }

    @Test func `the label of a text is told and nothing else accepted`() throws {
        #expect(try PEMText.label(of: "\n-----BEGIN A B-----\r\nAA==\r\n-----END A B-----\r\n") == "A B")
        #expect(try PEMText.label(of: "x\n-----BEGIN A-----\nA\n-----END A-----") == "A")
        for text in [
            "", "A B", "-----BEGIN A-----\nAA==\n-----END B-----\n", "-----x\n-----BEGIN A-----\nA\n-----END A-----",
            "-----BEGIN A-----\n \n\n-----END A-----",
        ] {
            let error = try #require(throws: AssayError.self) { try PEMText.label(of: text) }
            #expect(error.code == .keyInvalid)
        }
    }
}
