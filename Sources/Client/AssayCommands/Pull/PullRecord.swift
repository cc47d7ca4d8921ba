import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// What pulls wrote into a folder, so that the next one knows which files there are not somebody's own.
struct PullRecord: Sendable, Hashable {
    /// A file with the bytes that it was given.
    struct File: Sendable, Hashable {
        let path: ExactText
        let digest: Digest
    }

    private static let title = "assay pull record 1"
    private static let signatureWord = "signature"
    /// The most bytes of a record: two versions of as many files as there may be, with the longest paths.
    static let bytesMax = 32 << 20
    /// The most files that are remembered.
    static let filesMax = 4 * ModelPack.filesMax

    var files: Set<File> = []
    /// The digests of the signatures that were put beside them.
    var signatures: Set<Digest> = []

    init() {}

    init(files: [VersionFile], signature: [UInt8]?) {
        self.files = Set(files.map { File(path: ExactText($0.path), digest: $0.digest) })
        signatures = signature.map { [Digest.sha256(of: $0)] } ?? []
    }

    /// Reads a record. A line that is none, or whose path leads out of the folder, is passed over: a record only ever
    /// says what may be removed.
    init(parsing bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
        guard lines.first == Self.title[...] else { return }
        for line in lines.dropFirst().prefix(Self.filesMax) {
            guard let space = line.firstIndex(of: " ") else { continue }
            let (first, rest) = (line[..<space], line[line.index(after: space)...])
            if first == Self.signatureWord[...] {
                // What is no digest names no signature.
                if let digest = try? Digest(parsing: rest) { signatures.insert(digest) }
            } else if let digest = try? Digest(parsing: first), (try? ModelSignature.checkPath(String(rest))) != nil {
                files.insert(File(path: ExactText(rest), digest: digest))
            }
        }
    }

    var encoded: [UInt8] {
        let signed = signatures.map { "\(Self.signatureWord) \($0)" }.sorted()
        let lines = files.prefix(Self.filesMax).map { "\($0.digest) \($0.path.text)" }.sorted()
        return Array(([Self.title] + signed + lines).joined(separator: "\n").utf8) + [UInt8(ascii: "\n")]
    }

    /// Adds what another record, or a signature that a pull wrote, says.
    mutating func add(_ other: PullRecord) {
        files.formUnion(other.files)
        signatures.formUnion(other.signatures)
    }

    /// Adds the files that a signature in the folder lists; one that cannot be read lists none.
    mutating func add(signature bytes: [UInt8]) {
        // Its paths are checked as all others, and only bytes that it names are ever removed.
        guard let listed = try? ModelSignature(parsing: bytes).listedFiles() else { return }
        files.formUnion(listed.map { File(path: ExactText($0.path), digest: $0.digest) })
    }

    /// The digests that a path was given.
    func digests() -> [ExactText: Set<Digest>] {
        var digests: [ExactText: Set<Digest>] = [:]
        for file in files { digests[file.path, default: []].insert(file.digest) }
        return digests
    }
}

/// The records of all folders that this user pulls into, kept outside of them: a folder holds the version's files.
///
/// The `model.sig` of a signed version says the same in the folder itself, also to other users and machines.
struct PullRecords: Sendable {
    private static let folderName = "pulls"

    private let place: String?
    /// Why nothing is remembered; nil where it is.
    private let fault: AssayError?

    /// Below `$XDG_STATE_HOME/assay/`, or `~/.local/state/assay/`, in `pulls`.
    init(variables: [String: String]) {
        do throws(AssayError) {
            place = try UserFolder.state.path(Self.folderName, in: variables)
            fault =
                place == nil
                ? AssayError(.configurationInvalid, "neither XDG_STATE_HOME nor HOME names an absolute path") : nil
        } catch {
            (place, fault) = (nil, error)
        }
    }

    /// What is remembered of a folder; nothing where it cannot be read.
    func record(of folder: FolderHandle) -> PullRecord {
        // Nothing is removed for want of a record.
        guard let place, let path = folder.absolutePath,
            let records = try? FolderHandle.openOwn(path: place, called: "the folder"),
            let file = try? records.ownFile(Self.name(of: path)),
            let bytes = try? file.readAll(bytesMax: PullRecord.bytesMax)
        else { return PullRecord() }
        return PullRecord(parsing: bytes)
    }

    /// Remembers a record of a folder; why it could not, where it could not.
    func keep(_ record: PullRecord, of folder: FolderHandle) -> AssayError? {
        guard let place else { return fault }
        guard let path = folder.absolutePath else {
            return AssayError(.fileInaccessible, "it cannot be told where \(Printable.quote(folder.path)) is")
        }
        do throws(AssayError) {
            let records = try FolderHandle.makeOwn(path: place, called: "the folder")
            try records.write(record.encoded, as: Self.name(of: path), replacing: true)
            return nil
        } catch {
            return error
        }
    }

    private static func name(of path: String) -> String { Digest.sha256(of: path.utf8).hex }
}
