package import AssayCrypto
package import AssayDomain
import Foundation

/// What a log says of itself at one moment: how many entries it has, and their root.
///
/// Source: C2SP tlog-checkpoint 1.0.0. A checkpoint means nothing before its note was opened with the log's key.
package struct Checkpoint: Sendable, Hashable {
    /// The name of the log; also the name of the key that signs it.
    package let origin: String
    package let size: Int64
    package let root: MerkleHash

    package init(origin: String, size: Int64, root: MerkleHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The text that is signed.
    package var text: String { "\(origin)\n\(size)\n\(Base64Text.encode(root.bytes))\n" }

    /// Reads the text of a note; throws `log-inconsistent`.
    package init(parsing text: String) throws(AssayError) {
        // Lines behind the third one are extensions, which a reader passes over.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.last == "", !lines.dropLast().contains("") else {
            throw Self.malformed("it has not three lines")
        }
        guard let size = Int64(lines[1]), size >= 0, String(size) == lines[1] else {
            throw Self.malformed("its size is no number")
        }
        guard let root = Base64Text.decode(String(lines[2])).flatMap({ MerkleHash($0) }) else {
            throw Self.malformed("its root is no hash")
        }
        self.init(origin: String(lines[0]), size: size, root: root)
    }

    /// Opens a signed checkpoint with one of the keys of its log.
    ///
    /// Throws `log-inconsistent` for a malformed one, `untrusted-key`, `signature-invalid`.
    package init(opening note: [UInt8], trusted: [Ed25519PublicKey]) throws(AssayError) {
        self = try Checkpoint.open(note, trusted: trusted).checkpoint
    }

    /// As `init(opening:trusted:)`, with the key that signed.
    package static func open(
        _ note: [UInt8], trusted: [Ed25519PublicKey]
    ) throws(AssayError) -> (checkpoint: Checkpoint, key: Ed25519PublicKey) {
        let note = try SignedNote(parsing: note)
        let checkpoint = try Checkpoint(parsing: note.text)
        return (checkpoint, try note.verify(by: checkpoint.origin, trusted: trusted))
    }

    /// The name of the log that a key signs, and of no other one.
    package static func origin(of key: Ed25519PublicKey) -> String { "assay.dev/log/\(key.id.prefix(16))" }

    /// The key of a log as one line of text, which verifiers of signed notes take.
    package static func verifierKey(of key: Ed25519PublicKey) -> String {
        SignedNote.verifierKey(name: origin(of: key), key: key)
    }

    /// The checkpoint as a note that the log's key signs.
    package func signed(by key: Ed25519PrivateKey) throws(AssayError) -> [UInt8] {
        try SignedNote.sign(text, name: origin, key: key)
    }

    private static func malformed(_ reason: String) -> AssayError {
        AssayError(.logInconsistent, "the checkpoint cannot be read", reason: reason)
    }
}

/// A text and signatures under it.
///
/// Source: C2SP signed-note 1.0.0. Only Ed25519 is known; signatures of other names and keys are passed over.
package struct SignedNote: Sendable {
    private static let bytesMax = 1 << 20
    private static let signaturesMax = 64
    private static let ed25519: UInt8 = 0x01

    private struct Signature {
        let name: String
        let keyID: [UInt8]
        let bytes: [UInt8]
    }

    /// Ends with a line feed.
    package let text: String
    private let signatures: [Signature]

    package static func sign(_ text: String, name: String, key: Ed25519PrivateKey) throws(AssayError) -> [UInt8] {
        let blob = keyID(name: name, key: key.publicKey) + (try key.sign(Array(text.utf8)))
        return Array("\(text)\n\u{2014} \(name) \(Base64Text.encode(blob))\n".utf8)
    }

    /// `NAME+ID+KEY`: the id of the key in hex, the key behind the number of its algorithm in base64.
    package static func verifierKey(name: String, key: Ed25519PublicKey) -> String {
        "\(name)+\(Hex.encode(keyID(name: name, key: key)))+\(Base64Text.encode([ed25519] + key.bytes))"
    }

    /// Reads a note without believing it; throws `log-inconsistent`.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        guard bytes.count <= Self.bytesMax, let note = String(validating: bytes, as: UTF8.self),
            note.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }), note.utf8.last == 0x0A,
            let gap = note.range(of: "\n\n", options: .backwards)
        else { throw Self.malformed("it is no text with signatures behind an empty line") }
        text = String(note[..<note.utf8.index(after: gap.lowerBound)])
        let lines = note[gap.upperBound...].split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        guard 1...Self.signaturesMax ~= lines.count else { throw Self.malformed("it has no signature, or too many") }
        var signatures: [Signature] = []
        for line in lines { signatures.append(try Self.signature(line)) }
        self.signatures = signatures
    }

    /// The first trusted key of this name that signed. Throws `untrusted-key` if there is none, `signature-invalid` if
    /// one is said to have signed and did not.
    @discardableResult
    package func verify(by name: String, trusted: [Ed25519PublicKey]) throws(AssayError) -> Ed25519PublicKey {
        var signer: Ed25519PublicKey?
        for key in trusted {
            let id = Self.keyID(name: name, key: key)
            for signature in signatures
            where signature.keyID == id && signature.name.utf8.elementsEqual(name.utf8) {
                guard key.verify(signature: signature.bytes, message: Array(text.utf8)) else {
                    throw AssayError(.signatureInvalid, "the checkpoint's signature is not valid")
                }
                signer = signer ?? key
            }
        }
        guard let signer else {
            throw AssayError(
                .untrustedKey, "the checkpoint is signed by no log key that is trusted",
                reason: "it is of the log \(Printable.quote(name, limit: 80))",
                remedy: "name the log's public key, or a trust root with it, if you trust it")
        }
        return signer
    }

    private static func signature(_ line: Substring) throws(AssayError) -> Signature {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "\u{2014}", !parts[1].isEmpty, !parts[1].contains("+"),
            let blob = Base64Text.decode(String(parts[2])), blob.count > 4
        else { throw malformed("a signature line is malformed") }
        return Signature(name: String(parts[1]), keyID: Array(blob.prefix(4)), bytes: Array(blob.dropFirst(4)))
    }

    /// The first four bytes of SHA-256(name, line feed, algorithm, key).
    private static func keyID(name: String, key: Ed25519PublicKey) -> [UInt8] {
        Array(Digest.sha256(of: Array(name.utf8) + [0x0A, ed25519] + key.bytes).bytes.prefix(4))
    }

    private static func malformed(_ reason: String) -> AssayError {
        AssayError(.logInconsistent, "the signed note cannot be read", reason: reason)
    }
}

/// Faults that only a damaged or dishonest log shows.
enum TransparencyFault {
    static func tile(_ what: String) -> AssayError {
        AssayError(.logInconsistent, "the audit log's tiles are not those of its checkpoint", reason: what)
    }
}
