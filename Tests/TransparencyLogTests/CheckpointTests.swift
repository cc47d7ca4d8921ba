import AssayCrypto
import AssayDomain
import Testing

@testable import TransparencyLog

struct CheckpointTests {
    private static let origin = "example.org/log"

    private func checkpoint(_ size: Int64 = 5) -> Checkpoint {
        Checkpoint(origin: Self.origin, size: size, root: MerkleHasher().leaf([UInt8(size)]))
    }

    private func code(_ body: () throws -> Void) -> ErrorCode? {
        do {
            try body()
            return nil
        } catch {
            return (error as? AssayError)?.code
        }
    }

    @Test func `a signed checkpoint opens with its key alone`() throws {
        let key = try Ed25519PrivateKey.generate()
        let other = try Ed25519PrivateKey.generate()
        let note = try checkpoint().signed(by: key)
        #expect(try Checkpoint(opening: note, trusted: [other.publicKey, key.publicKey]) == checkpoint())
        #expect(code { _ = try Checkpoint(opening: note, trusted: [other.publicKey]) } == .untrustedKey)
        #expect(code { _ = try Checkpoint(opening: note, trusted: []) } == .untrustedKey)
    }

    /// Whatever byte of it changes, it does not open as the same log's.
    @Test func `no byte of a signed checkpoint can change`() throws {
        let key = try Ed25519PrivateKey.generate()
        let note = try checkpoint().signed(by: key)
        for position in note.indices {
            for flip: UInt8 in [0x01, 0x20, 0x80] {
                var changed = note
                changed[position] ^= flip
                #expect(code { _ = try Checkpoint(opening: changed, trusted: [key.publicKey]) } != nil)
            }
        }
    }

    @Test func `signatures of strangers are passed over, a false one of a known key is not`() throws {
        let (key, other) = (try Ed25519PrivateKey.generate(), try Ed25519PrivateKey.generate())
        let note = String(decoding: try checkpoint().signed(by: key), as: UTF8.self)
        let witness = String(
            decoding: try SignedNote.sign(checkpoint().text, name: "witness", key: other), as: UTF8.self)
        let line = witness.split(separator: "\n").last.map(String.init) ?? ""
        #expect(try Checkpoint(opening: Array("\(note)\(line)\n".utf8), trusted: [key.publicKey]) == checkpoint())
        let rival = String(decoding: try checkpoint(6).signed(by: key), as: UTF8.self)
        let false_ = rival.split(separator: "\n").last.map(String.init) ?? ""
        #expect(
            code { _ = try Checkpoint(opening: Array("\(note)\(false_)\n".utf8), trusted: [key.publicKey]) }
                == .signatureInvalid)
    }

    /// The key of the example of golang.org/x/mod/sumdb/note, where the form comes from (C2SP signed-note).
    @Test func `a key is told as verifiers take it`() throws {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        let bytes = try #require(Base64Text.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"))
        let key = try Ed25519PublicKey(bytes: Array(bytes.dropFirst()))
        #expect(SignedNote.verifierKey(name: "PeterNeumann", key: key) == text)
        #expect(Checkpoint.verifierKey(of: key).hasPrefix("\(Checkpoint.origin(of: key))+"))
    }

    @Test(arguments: [
        "", "\n", "x\n5\n", "x\n05\nAAAA\n", "x\n-1\nAAAA\n", "x\n5\nAAAA\n",
        "x\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n", "x\n5\n\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ])
    func `another text is no checkpoint`(text: String) {
        #expect(code { _ = try Checkpoint(parsing: text) } == .logInconsistent)
    }

    @Test func `extension lines are passed over`() throws {
        #expect(try Checkpoint(parsing: checkpoint().text + "more\n") == checkpoint())
    }

    @Test func `a proof proves its entry, and no changed one`() throws {
        let key = try Ed25519PrivateKey.generate()
        let hasher = MerkleHasher()
        let entries = (0..<5).map {
            AuditEntry(.alias, at: Timestamp(milliseconds: $0), actor: "a", [.alias: .text("production")]).encoded()
        }
        var frontier = MerkleFrontier()
        for entry in entries { frontier.append(hasher.leaf(entry), hasher) }
        let leaves = entries.map { hasher.leaf($0) }
        let (low, high) = (hasher.node(leaves[0], leaves[1]), leaves[4])
        let note = try Checkpoint(origin: Self.origin, size: 5, root: frontier.root(hasher)).signed(by: key)
        let proof = LogProof(entry: entries[2], index: 2, hashes: [leaves[3], low, high], checkpoint: note)
        let text = proof.encoded()
        #expect(try LogProof(parsing: text) == proof)
        #expect(try proof.verify(trusted: [key.publicKey]).entry.text(.alias) == "production")
        for position in text.indices {
            var changed = text
            changed[position] ^= 0x01
            #expect(code { _ = try LogProof(parsing: changed).verify(trusted: [key.publicKey]) } != nil)
        }
    }
}
