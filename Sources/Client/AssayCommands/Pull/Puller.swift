import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// What a pull came to.
struct PullResult: Encodable, Sendable {
    let version: Version
    /// Where the files are.
    let folder: String
    /// How many of the version's files were asked for.
    let fileCount: Int
    let receivedBytes: Int64
    /// What lay in the folder already, with the right bytes.
    let keptBytes: Int64
    /// Files of an earlier version that were taken away.
    let removedFiles: [String]
    /// What else lay there and was taken away, as was asked.
    let deletedFiles: [String]
    /// What lies there and is no part of the version.
    let otherFiles: [String]
    /// The id of the trusted key that signed the files; nil if that was not checked.
    let signer: String?
    /// What ties the manifest to these files; nil if that was not checked.
    let binding: ManifestBinding?
    /// Where the audit log proves its promotion; nil if that was not checked.
    let promotion: LogDemand.Promotion?
    /// What became of the versions beside it; nil without `--into`.
    let versions: VersionFolders.Outcome?
}

/// Writes the files of a version into a folder.
struct Puller: Sendable {
    let client: AssayClient
    let display: ProgressDisplay
    let rules: FolderWriter.FolderRules
    /// Where it is remembered what was written; nil where nothing is.
    let records: PullRecords?

    /// Writes what is missing and takes away what an earlier version left; see `FolderWriter`.
    func write(
        _ plan: PullPlan, _ chosen: [VersionFile], into path: String, finishing: () async throws -> Void = {}
    ) async throws -> FolderWriter.Outcome {
        let writer = FolderWriter(
            files: client.files, display: display, options: rules, records: records,
            bring: { [self] file, target, progress in
                try await fetch(file, of: plan.version.repository, to: target, progress: progress)
            })
        return try await writer.write(
            FolderPlan(files: plan.files, chosen: chosen, signature: plan.signature), into: path,
            finishing: finishing)
    }

    private func fetch(
        _ file: VersionFile, of repository: RepositoryName, to target: DownloadTarget,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        do {
            try await client.download(
                Descriptor(mediaType: MediaType.octetStream, digest: file.digest, size: file.size), from: repository,
                to: target, progress: progress)
        } catch let error as AssayError where error.code == .blobNotFound {
            throw AssayError(
                .storageFailed, "the server has lost the bytes of \(Printable.quote(file.path))",
                reason: "the version names them, but they are missing or were found damaged",
                remedy: "push the same files again; that brings them back", cause: error)
        }
    }
}
