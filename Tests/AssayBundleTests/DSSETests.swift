import AssayBundle
import AssayCrypto
import AssayDomain
import Foundation
import Testing

struct DSSETests {
    private let payload = Array(#"{"a":1}"#.utf8)

    private func envelope(_ key: PrivateKey) throws -> DSSEEnvelope {
        try DSSEEnvelope(signing: payload, type: MediaType.inToto, key: key)
    }

    private func verify(_ bytes: [UInt8], _ trusted: [PublicKey]) -> ErrorCode? {
        code { _ = try DSSEEnvelope(parsing: bytes).verify(trusted: trusted) }
    }

    @Test func `a statement that was opened under one key counts under no other`() throws {
        let (key, other) = (try PrivateKey.generate(), try PrivateKey.generate())
        func trusted(_ key: PrivateKey) -> TrustedKey {
            TrustedKey(
                id: key.publicKey.id, name: "k", pem: key.publicKey.pem, role: .training,
                addedAt: Timestamp(milliseconds: 0))
        }
        let evidence = SignedEvidence(key: key)
        let envelope = try evidence.signStatement(
            predicateType: "https://example.org/v1", predicate: Array("{}".utf8), subject: Digest.sha256(of: [1]),
            name: "m")
        for _ in 0..<2 {
            #expect(code { _ = try evidence.openStatement(envelope, trusted: [trusted(key)]) } == nil)
            #expect(code { _ = try evidence.openStatement(envelope, trusted: [trusted(other)]) } == .untrustedKey)
            #expect(code { _ = try evidence.openStatement(envelope, trusted: []) } == .untrustedKey)
            #expect(code { _ = try evidence.openStatement(envelope + [0], trusted: [trusted(key)]) } != nil)
        }
    }

    @Test(arguments: Curve.allCases)
    func `an envelope verifies after it was written and read`(curve: Curve) throws {
        let key = try PrivateKey.generate(curve)
        let envelope = try DSSEEnvelope(parsing: envelope(key).encoded())
        #expect(envelope.payload == payload && envelope.payloadType == MediaType.inToto)
        #expect(try envelope.verify(trusted: [PrivateKey.generate().publicKey, key.publicKey]) == key.publicKey)
    }

    @Test func `type and payload are both signed`() throws {
        let key = try PrivateKey.generate()
        let bytes = try envelope(key).encoded()
        let otherType = try changed(bytes) { $0["payloadType"] = "text/plain" }
        let otherPayload = try changed(bytes) { $0["payload"] = "e30=" }
        #expect(verify(bytes, [key.publicKey]) == nil)
        #expect(verify(otherType, [key.publicKey]) == .signatureInvalid)
        #expect(verify(otherPayload, [key.publicKey]) == .signatureInvalid)
    }

    @Test func `unknown keys are told apart from bad signatures`() throws {
        let key = try PrivateKey.generate()
        let bytes = try envelope(key).encoded()
        let other = try PrivateKey.generate().publicKey
        #expect(verify(bytes, []) == .untrustedKey)
        #expect(verify(bytes, [other]) == .untrustedKey)
        let unnamed = try changed(bytes) { envelope in
            let signatures = envelope["signatures"] as? [[String: Any]] ?? []
            envelope["signatures"] = signatures.map { ["sig": $0["sig"]] }
        }
        #expect(verify(unnamed, [other]) == .untrustedKey)
        let forged = try changed(bytes) { envelope in
            let signatures = envelope["signatures"] as? [[String: Any]] ?? []
            envelope["signatures"] = signatures.map { ["sig": $0["sig"], "keyid": other.id] }
        }
        #expect(verify(forged, [other]) == .signatureInvalid)
        #expect(verify(unnamed, [other, key.publicKey]) == nil)
    }

    @Test func `the hint decides nothing`() throws {
        let key = try PrivateKey.generate()
        let bytes = try envelope(key).encoded()
        let text = String(decoding: bytes, as: UTF8.self)
        let wrong = text.replacingOccurrences(of: key.publicKey.id, with: "someone")
        #expect(verify(Array(wrong.utf8), [key.publicKey]) == nil)
    }

    @Test func `both alphabets are read, in one spelling each`() throws {
        let key = try PrivateKey.generate()
        let payload: [UInt8] = [0xfb, 0xff, 0xbf, 0x3e]  // +/+/Pg==
        let bytes = try DSSEEnvelope(signing: payload, type: "t", key: key).encoded()
        func with(_ text: String) throws -> [UInt8] { try changed(bytes) { $0["payload"] = text } }
        for good in ["+/+/Pg==", "-_-_Pg=="] { #expect(verify(try with(good), [key.publicKey]) == nil) }
        for bad in ["+/+/Pg", "+/-_Pg==", "+/+/ Pg==", "+/+/Ph==", "+/+/Pg==\n", "+/+/Pg===", "ü"] {
            #expect(verify(try with(bad), [key.publicKey]) == .signatureInvalid, "\(bad)")
        }
    }

    @Test func `signatures are counted before they are checked`() throws {
        let key = try PrivateKey.generate()
        let bytes = try envelope(key).encoded()
        let named = ["sig": "AA==", "keyid": key.publicKey.id]
        func with(_ count: Int) throws -> [UInt8] {
            try changed(bytes) { $0["signatures"] = [[String: String]](repeating: named, count: count) }
        }
        #expect(verify(try with(1_000), [key.publicKey]) == .tooManyEntries)
        #expect(verify(try with(16), [key.publicKey]) == .signatureInvalid)
        #expect(verify(try with(0), [key.publicKey]) == .signatureInvalid)
    }

    @Test(arguments: ["", "{}", "[]", "null", #"{"payload":1}"#, #"{"payload":"","payload":""}"#])
    func `what is no envelope is refused`(text: String) {
        #expect(code { _ = try DSSEEnvelope(parsing: Array(text.utf8)) } == .signatureInvalid)
    }
}

struct StatementTests {
    private let digest = Digest.sha256(of: [1])

    private func parse(_ text: String) -> ErrorCode? { code { _ = try Statement(parsing: Array(text.utf8)) } }

    private func text(
        type: String = Statement.type, subject: String? = nil, more: String = #","predicate":{}"#
    ) -> String {
        let subject = subject ?? #"[{"name":"m","digest":{"sha256":"\#(digest.hex)"}}]"#
        return #"{"_type":"\#(type)","subject":\#(subject),"predicateType":"https://example.com/p"\#(more)}"#
    }

    @Test func `a predicate keeps its bytes`() throws {
        let predicate = Array(#"{"z": 1.0, "a": [1e3, "\u00fc}\\\" ]"], "predicate": {"x":2}}"#.utf8)
        let statement = Statement(
            subjects: [.init(name: "a \"name\"", digest: digest)], predicateType: "https://example.com/p",
            predicate: predicate)
        let bytes = try statement.encoded()
        #expect(try Statement(parsing: bytes) == statement)
        #expect(bytes.count > predicate.count && Array(bytes.suffix(predicate.count + 1).dropLast()) == predicate)
    }

    @Test func `unknown members and digests are ignored`() throws {
        #expect(parse(text(more: #", "predicate" : [1, 2] , "other":{"predicate":3}"#)) == nil)
        let subject = #"[{"digest":{"gitCommit":"abc","sha256":"\#(digest.hex)"},"uri":"x"}]"#
        let statement = try Statement(parsing: Array(text(subject: subject).utf8))
        #expect(statement.subjects.map(\.digest) == [digest])
    }

    @Test func `what is no statement is refused`() {
        #expect(parse(text()) == nil)
        #expect(parse(text(type: "https://in-toto.io/Statement/v0.1")) == .signatureInvalid)
        #expect(parse(text(subject: "[]")) == .signatureInvalid)
        #expect(parse(text(subject: #"[{"digest":{"md5":"00"}}]"#)) == .signatureInvalid)
        #expect(parse(text(subject: #"[{"digest":{"sha256":"ABC"}}]"#)) == .signatureInvalid)
        #expect(parse(text(more: "")) == .signatureInvalid)
        #expect(parse("{}") == .signatureInvalid)
        let many = [String](repeating: #"{"digest":{"sha256":"\#(digest.hex)"}}"#, count: 1_001)
        #expect(parse(text(subject: "[\(many.joined(separator: ","))]")) == .tooManyEntries)
    }
}
