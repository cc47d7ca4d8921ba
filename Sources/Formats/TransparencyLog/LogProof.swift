package import AssayCrypto
package import AssayDomain
import Foundation

/// A proof that an entry is in a log, to be checked without the log.
///
/// Source: C2SP tlog-proof: a header, optional extra data, the index, hashes from leaf to root, and the checkpoint. The
/// extra data here is the entry itself, so that one file says what happened and proves it.
package struct LogProof: Sendable, Hashable {
    package static let header = "c2sp.org/tlog-proof@v1"
    /// A proof with the largest entry and all its hashes stays well below this.
    package static let bytesMax = 256 << 10

    /// The entry's bytes.
    package let entry: [UInt8]
    package let index: Int64
    package let hashes: [MerkleHash]
    /// The signed note.
    package let checkpoint: [UInt8]

    package init(entry: [UInt8], index: Int64, hashes: [MerkleHash], checkpoint: [UInt8]) {
        self.entry = entry
        self.index = index
        self.hashes = hashes
        self.checkpoint = checkpoint
    }

    package func encoded() -> [UInt8] {
        var lines = [Self.header, "extra \(Base64Text.encode(entry))", "index \(index)"]
        lines += hashes.map { Base64Text.encode($0.bytes) }
        return Array((lines.joined(separator: "\n") + "\n\n").utf8) + checkpoint
    }

    /// Reads a proof without believing it; throws `log-inconsistent`.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        guard bytes.count <= Self.bytesMax, let text = String(validating: bytes, as: UTF8.self),
            let gap = text.range(of: "\n\n")
        else { throw Self.malformed("it is no text") }
        var lines = text[..<gap.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popFirst().map(String.init) == Self.header,
            let entry = Self.value("extra", lines.popFirst()).flatMap(Base64Text.decode),
            let number = Self.value("index", lines.popFirst()), let index = Int64(number), index >= 0,
            String(index) == number, lines.count <= MerkleProof.hashesMax
        else { throw Self.malformed("its first lines are not those of a proof with an entry") }
        var hashes: [MerkleHash] = []
        for line in lines {
            guard let hash = Base64Text.decode(String(line)).flatMap({ MerkleHash($0) }) else {
                throw Self.malformed("a line is no hash")
            }
            hashes.append(hash)
        }
        self.init(entry: entry, index: index, hashes: hashes, checkpoint: Array(text[gap.upperBound...].utf8))
    }

    /// The entry, proven to be in the log of one of these keys, and the checkpoint that proves it.
    ///
    /// Throws `log-inconsistent` if the hashes do not lead to the checkpoint's root, `untrusted-key`,
    /// `signature-invalid`.
    package func verify(trusted: [Ed25519PublicKey]) throws(AssayError) -> (entry: AuditEntry, checkpoint: Checkpoint) {
        let checkpoint = try Checkpoint(opening: checkpoint, trusted: trusted)
        return (try entry(provenBy: checkpoint), checkpoint)
    }

    /// The entry, proven by a checkpoint that was opened before. Throws `log-inconsistent`.
    package func entry(provenBy checkpoint: Checkpoint) throws(AssayError) -> AuditEntry {
        let hasher = MerkleHasher()
        guard
            MerkleProof.root(
                leaf: hasher.leaf(entry), at: index, in: checkpoint.size, proof: hashes, hasher) == checkpoint.root
        else {
            throw AssayError(.logInconsistent, "the proof does not lead to the checkpoint's root")
        }
        return try AuditEntry(parsing: entry)
    }

    private static func value(_ name: String, _ line: Substring?) -> String? {
        guard let line, line.hasPrefix("\(name) ") else { return nil }
        return String(line.dropFirst(name.count + 1))
    }

    private static func malformed(_ reason: String) -> AssayError {
        AssayError(.logInconsistent, "the log proof cannot be read", reason: reason)
    }
}
