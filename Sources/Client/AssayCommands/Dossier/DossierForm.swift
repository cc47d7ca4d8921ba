import AssayArchive
import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// The members of a dossier's archive, in their order.
enum DossierForm {
    static let facts = "dossier.json"
    static let page = "index.html"
    static let checkpoint = "log/checkpoint"
    static let segment = "log/segment.json"
    static let entries = "log/entries"

    /// The most bytes of the log's entries, which are in memory as a whole.
    static let entryBytesMax = 128 << 20
    /// The most bytes of all documents together.
    static let documentBytesMax: Int64 = 256 << 20
    /// The most documents.
    static let documentsMax = 20_000
    /// The most proofs of single entries.
    static let singleMax = 4_096
    static let factBytesMax = 64 << 20

    static let limits = TarLimits(
        membersMax: 5 + singleMax + documentsMax, memberBytesMax: Int64(entryBytesMax), totalBytesMax: 1 << 30)

    static func path(of digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

    /// The path of the proof of an entry that stands for itself.
    static func path(ofProof index: Int64) -> String { "log/proofs/\(index)" }

    /// All paths of a dossier.
    static func paths(proofs: [Int64], documents: Set<Digest>) -> [String] {
        [facts, page, checkpoint, segment, entries] + proofs.map { path(ofProof: $0) }
            + documents.map { path(of: $0) }.sorted()
    }
}

/// What `log/segment.json` has: which part of the log is here, and the hashes that prove it.
struct SegmentDocument: Codable {
    /// That the log continues a checkpoint that somebody had kept.
    struct Growth: Codable {
        let size: Int64
        let hashes: [String]
    }

    let start: Int64
    let end: Int64
    let before: [String]
    let after: [String]
    let kept: Growth?

    init(_ segment: LogSegment, kept: (size: Int64, hashes: [MerkleHash])?) {
        start = segment.start
        end = segment.end
        before = segment.before.map { Base64Text.encode($0.bytes) }
        after = segment.after.map { Base64Text.encode($0.bytes) }
        self.kept = kept.map { Growth(size: $0.size, hashes: $0.hashes.map { Base64Text.encode($0.bytes) }) }
    }

    /// Throws `log-inconsistent`.
    func segment() throws(AssayError) -> LogSegment {
        guard before.count <= MerkleProof.hashesMax, after.count <= MerkleProof.hashesMax else {
            throw DossierLog.incomplete("its proof has too many hashes")
        }
        return LogSegment(start: start, end: end, before: try Self.hashes(before), after: try Self.hashes(after))
    }

    static func hashes(_ texts: [String]) throws(AssayError) -> [MerkleHash] {
        try texts.map { (text) throws(AssayError) in
            guard let hash = Base64Text.decode(text).flatMap({ MerkleHash($0) }) else {
                throw DossierLog.incomplete("its proof has something that is no hash")
            }
            return hash
        }
    }
}

/// An archive of the form of dossiers that was read through once: strictly, with every document hashed.
struct DossierFile: DossierDocuments {
    private struct Member {
        let size: Int64
        let offset: Int64
    }

    let file: LocalFile
    private let stop: StopFlag
    private var members: [String: Member] = [:]
    private(set) var order: [String] = []

    /// Reads the file through. Throws `bundle-invalid`, `digest-mismatch` naming the document, `path-unsafe`,
    /// `file-type-refused`, `too-many-entries`, `body-too-large`.
    init(reading file: LocalFile, stop: StopFlag) throws {
        self.file = file
        self.stop = stop
        do {
            var tar = TarReader(FileInput(file, stop: stop), limits: DossierForm.limits)
            while let member = try tar.next() {
                if let digest = Self.digest(ofPath: member.path) {
                    guard member.size <= Int64(Manifest.bytesMax) else {
                        throw AssayError(.bodyTooLarge, "a document in the dossier has over \(Manifest.bytesMax) bytes")
                    }
                    let bytes = try tar.readContent(bytesMax: Manifest.bytesMax)
                    guard Digest.of(bytes, algorithm: digest.algorithm) == digest else {
                        throw AssayError(
                            .digestMismatch, "\(Printable.quote(member.path)) in the dossier is damaged",
                            reason: "its bytes do not hash to its name")
                    }
                }
                members[member.path] = Member(size: member.size, offset: member.offset)
                order.append(member.path)
            }
        } catch let error as ArchiveError {
            throw Self.refused("\(error.kind.rawValue): \(error.reason)")
        }
        try file.checkUnchanged()
    }

    static func refused(_ reason: String) -> AssayError {
        AssayError(.bundleInvalid, "the dossier is refused", reason: Printable.escape(reason, limit: 500))
    }

    private static func digest(ofPath path: String) -> Digest? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "blobs" else { return nil }
        return try? Digest(parsing: "\(parts[1]):\(parts[2])")  // What is no digest's path is called for by nothing.
    }

    /// A member's bytes. Throws `bundle-invalid` if there is none of that name, `body-too-large`.
    func bytes(_ path: String, bytesMax: Int) throws -> [UInt8] {
        guard let member = members[path] else { throw Self.refused("\(path) is missing") }
        guard member.size <= Int64(bytesMax) else {
            throw AssayError(.bodyTooLarge, "\(path) in the dossier has over \(bytesMax) bytes")
        }
        return try FileBundle(file: file, stop: stop).read(Int(member.size), at: member.offset)
    }

    func bytes(of digest: Digest) throws -> [UInt8]? {
        let path = DossierForm.path(of: digest)
        guard members[path] != nil else { return nil }
        let bytes = try bytes(path, bytesMax: Manifest.bytesMax)
        guard Digest.of(bytes, algorithm: digest.algorithm) == digest else {
            throw AssayError(.changedWhileReading, "\(Printable.quote(file.path)) changed while it was read")
        }
        return bytes
    }

    /// The places of the entries that stand for themselves, in the order of the archive.
    var proofs: [Int64] {
        order.compactMap { path in
            let parts = path.split(separator: "/")
            return parts.count == 3 && parts.starts(with: ["log", "proofs"]) ? Int64(parts[2]) : nil
        }
    }
}
