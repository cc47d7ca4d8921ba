import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// The files of a bundle on their way into a folder.
struct BundleExtraction: Sendable {
    /// What came of it.
    struct Result: Encodable, Sendable {
        /// What the bundle calls its version; nil for an archive of another tool.
        let version: Reference?
        let digest: Digest
        let folder: String
        let fileCount: Int
        let writtenBytes: Int64
        /// What lay in the folder already, with the right bytes.
        let keptBytes: Int64
        let removedFiles: [String]
        let deletedFiles: [String]
        let otherFiles: [String]
        /// The id of the trusted key that signed the files; nil if that was not checked.
        let signer: String?
        /// What people are told.
        var notes: [String] = []

        private enum CodingKeys: CodingKey {
            case version, digest, folder, fileCount, writtenBytes, keptBytes, removedFiles, deletedFiles, otherFiles
            case signer
        }
    }

    private static let pieceBytes: Int64 = 1 << 20

    let bundle: OpenBundle
    private let proof: BundleProof?
    private let signature: [UInt8]?
    private let files: FileAccess

    /// Reads a bundle through and checks it; with a trust root as `BundleProof.check`. Throws also
    /// `manifest-ambiguous` for files that another tool would unpack, and with a trust root `version-withdrawn` unless
    /// that is allowed.
    static func open(
        _ path: String, root: TrustRoot?, allowsWithdrawn: Bool, files: FileAccess
    ) async throws -> BundleExtraction {
        let bundle = try await OpenBundle.open(path, files: files)
        return try await files.run {
            let contents = bundle.contents
            try ManifestReading.requireRaw(contents.manifest)
            let repository = contents.label?.repository
            let proof = try root.map { root in
                try BundleProof.check(
                    bundle, repository: repository, root: root, demandsLog: root.namesLog, demand: .signature)
            }
            if !allowsWithdrawn { try proof?.requireInUse("the version in \(Printable.escape(path))") }
            let check = try proof.flatMap { proof in
                try root.map {
                    try EvidenceCheck(
                        repository: repository, manifest: contents.manifest, root: $0, time: proof.time)
                }
            }
            let signatures = contents.referrers.filter { $0.evidenceType == MediaType.sigstoreBundle }
                .compactMap { try? bundle.document(of: $0) }  // One that is too large is no signature.
            let signature = signatures.first { bytes in
                check.map { (try? $0.signer(of: bytes)) != nil } ?? PullPlan.speaks(bytes, of: contents.files)
            }
            return BundleExtraction(bundle: bundle, proof: proof, signature: signature, files: files)
        }
    }

    /// Writes files into a folder; see `FolderWriter`.
    func write(
        _ chosen: [VersionFile], into folder: String, rules: FolderWriter.FolderRules, records: PullRecords?,
        display: ProgressDisplay
    ) async throws -> Result {
        let contents = bundle.contents
        let plan = FolderPlan(files: contents.files, chosen: chosen, signature: signature)
        let writer = FolderWriter(
            files: files, display: display, options: rules, records: records,
            bring: { [bundle, files] file, target, progress in
                try await Self.copy(file, of: bundle, to: target, files: files, progress: progress)
            })
        let outcome = try await writer.write(plan, into: folder)
        return Result(
            version: contents.label.map { Reference($0.repository, $0.number) }, digest: contents.manifest.digest,
            folder: folder, fileCount: chosen.count, writtenBytes: outcome.receivedBytes,
            keptBytes: chosen.map(\.size).saturatingSum() - outcome.receivedBytes, removedFiles: outcome.removed,
            deletedFiles: outcome.deleted, otherFiles: outcome.others, signer: proof?.signer,
            notes: FolderNotes.lines(
                of: outcome, in: folder, isSigned: signature != nil && plan.isWhole, isWhole: plan.isWhole))
    }

    /// Copies a blob; the file has its name only after its bytes hash to the digest once more.
    private static func copy(
        _ file: VersionFile, of bundle: OpenBundle, to target: DownloadTarget, files: FileAccess,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        guard let blob = bundle.contents.blob(file.digest) else {
            throw AssayError(.bundleInvalid, "the bundle lacks \(Printable.quote(file.path))")
        }
        let part = try bundle.part(of: blob)
        try await target.write(digest: file.digest, files: files) { write in
            var position = part.lowerBound
            while position < part.upperBound {
                try Task.checkCancellation()
                let count = Int(min(pieceBytes, part.upperBound - position))
                let start = position
                try await write(count) { buffer in try bundle.file.read(into: buffer, at: start) }
                position += Int64(count)
                progress(position - part.lowerBound)
            }
        }
    }
}
