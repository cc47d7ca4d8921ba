import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// What a pull came to.
struct PullResult: Encodable, Sendable {
    let version: Version
    let fileCount: Int
    let receivedBytes: Int64
    /// What lay in the folder already, with the right bytes.
    let keptBytes: Int64
    /// The id of the trusted key that signed the files; nil if that was not checked.
    let signer: String?
    /// What ties the manifest to these files; nil if that was not checked.
    let binding: ManifestBinding?
    /// Where the audit log proves its promotion; nil if that was not checked.
    let promotion: LogDemand.Promotion?
}

/// Writes the files of a version into a folder.
struct Puller: Sendable {
    let client: AssayClient
    let display: ProgressDisplay
    /// Whether files with other bytes may be replaced.
    let isReplacing: Bool

    /// A file's place in the folder.
    private struct Place: Sendable {
        let folder: FolderHandle
        let name: String
    }

    /// How often it is looked whether another pull into the same folder has ended, and how often before that is told.
    private static let pause = Duration.milliseconds(50)
    private static let quietLooks = 20

    /// Writes what is missing. A file that is there with other bytes throws `file-exists` before anything is written.
    ///
    /// Of several pulls into one folder one writes at a time; the next ones find its files there.
    func pull(
        _ plan: PullPlan, promotion: LogDemand.Promotion? = nil, into path: String
    ) async throws -> PullResult {
        let root = try await client.files.run { try FolderHandle.make(path: path) }
        let turn = try await turn(in: root)
        defer { withExtendedLifetime(turn) {} }
        if let signature = plan.signature { try await refuseOther(signature, in: root, files: plan.files) }
        var missing: [VersionFile] = []
        for file in plan.files where try await !isThere(file, in: root) { missing.append(file) }
        let meter = TransferMeter(display, label: "receiving", total: missing.map(\.size).saturatingSum())
        defer { display.end() }
        _ = try await Transfers.run(missing, width: Publisher.concurrentTransfers) { index, file in
            try await fetch(file, of: plan.version.repository, in: root, progress: meter.reporter(of: index))
        }
        if let signature = plan.signature { try await write(signature, in: root, files: plan.files) }
        let received = missing.map(\.size).saturatingSum()
        return PullResult(
            version: plan.version, fileCount: plan.files.count, receivedBytes: received,
            keptBytes: plan.files.map(\.size).saturatingSum() - received, signer: plan.signer?.id,
            binding: plan.binding, promotion: promotion)
    }

    private func turn(in root: FolderHandle) async throws -> FolderTurn {
        var looks = 0
        while true {
            if let turn = try await client.files.run({ root.turn() }) { return turn }
            looks += 1
            if looks == Self.quietLooks {
                display.note("another pull writes into \(Printable.quote(root.path)): waiting for it to end")
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    private func fetch(
        _ file: VersionFile, of repository: RepositoryName, in root: FolderHandle,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        let place = try await place(of: file, in: root)
        do {
            try await client.download(
                Descriptor(mediaType: MediaType.octetStream, digest: file.digest, size: file.size), from: repository,
                to: DownloadTarget(folder: place.folder, name: place.name, isReplacing: isReplacing),
                progress: progress)
        } catch let error as AssayError where error.code == .blobNotFound {
            throw AssayError(
                .storageFailed, "the server has lost the bytes of \(Printable.quote(file.path))",
                reason: "the version names them, but they are missing or were found damaged",
                remedy: "push the same files again; that brings them back", cause: error)
        }
    }

    /// Whether the folder holds the file with the right bytes; throws `file-exists` if it holds others.
    private func isThere(_ file: VersionFile, in root: FolderHandle) async throws -> Bool {
        let place = try await place(of: file, in: root)
        guard let local = try await client.files.run({ try place.folder.file(place.name) }) else { return false }
        if local.size == file.size,
            try await client.files.hash(local, algorithm: file.digest.algorithm) == file.digest
        {
            return true
        }
        guard isReplacing else {
            throw AssayError(
                .fileExists, "\(Printable.quote(local.path)) exists with other content",
                remedy: "pull into another folder, or add --force to replace it")
        }
        return false
    }

    private func place(of file: VersionFile, in root: FolderHandle) async throws -> Place {
        try await client.files.run {
            var components = file.path.pathComponents.map(String.init)
            guard let name = components.popLast() else {
                throw AssayError(.pathUnsafe, "a file of the version has no name")
            }
            var folder = root
            for component in components { folder = try folder.subfolder(component) }
            return Place(folder: folder, name: name)
        }
    }

    /// Puts the signature beside the files, unless a file of the version has that name.
    /// Throws `file-exists` if the folder holds the signature of something else: its files would not be covered.
    private func refuseOther(_ signature: [UInt8], in root: FolderHandle, files: [VersionFile]) async throws {
        guard !isReplacing, !files.contains(where: { $0.path.isExactly(ModelSignature.fileName) }),
            let local = try await client.files.run({ try root.file(ModelSignature.fileName) })
        else { return }
        let digest = Digest.sha256(of: signature)
        guard try await client.files.hash(local, algorithm: .sha256) != digest else { return }
        throw AssayError(
            .fileExists, "the folder holds the signature of another version",
            remedy: "pull into an empty folder, or replace what is there with --force")
    }

    private func write(_ signature: [UInt8], in root: FolderHandle, files: [VersionFile]) async throws {
        guard !files.contains(where: { $0.path.isExactly(ModelSignature.fileName) }) else { return }
        try await client.files.run {
            try root.write(signature, as: ModelSignature.fileName, replacing: true)
        }
    }
}
