import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// Reads bundles: checks one offline, or brings its version into a registry.
enum BundleImport {
    /// Checks a bundle completely; throws as `BundleReader.read` does.
    static func verify(_ path: String, trusted: [PublicKey]?, files: FileAccess) async throws -> BundleContents {
        try await check(try LocalFile(opening: path), trusted: trusted, files: files)
    }

    /// Checks a bundle first and only then sends it, so that a refused one leaves nothing behind.
    ///
    /// The version gets the number that it had if that is free. Throws as `BundleReader.read` and a push do.
    static func run(
        _ path: String, as name: RepositoryName?, trusted: [PublicKey], publisher: Publisher
    ) async throws -> PublishResponse {
        let client = publisher.client
        let file = try LocalFile(opening: path)
        let contents = try await check(file, trusted: trusted, files: client.files)
        let repository = name ?? contents.repository
        let blobs = try contents.blobs.map { blob in
            let part = try part(of: blob, in: file)
            return PendingBlob(digest: blob.record.digest, size: blob.record.size) {
                UploadSource(file, part: part, digest: blob.record.digest)
            }
        }
        _ = try await publisher.send(blobs, to: repository)
        let response = try await publish(contents, in: repository, client: client)
        for referrer in contents.referrers { try await client.attach(referrer, in: repository) }
        return response
    }

    private static func check(
        _ file: LocalFile, trusted: [PublicKey]?, files: FileAccess
    ) async throws -> BundleContents {
        let stop = StopFlag()
        return try await withTaskCancellationHandler {
            try await files.run {
                let contents = try BundleReader.read(FileInput(file, stop: stop), trusted: trusted)
                try file.checkUnchanged()
                return contents
            }
        } onCancel: {
            stop.set()
        }
    }

    private static func publish(
        _ contents: BundleContents, in repository: RepositoryName, client: AssayClient
    ) async throws -> PublishResponse {
        var request = PublishRequest(
            repository: repository, kind: kind(of: contents.manifest),
            manifest: String(decoding: contents.manifest.bytes, as: UTF8.self),
            mediaType: contents.manifest.mediaType, tag: contents.number.description, signatures: signatures(contents))
        do {
            return try await client.publish(request)
        } catch let error as AssayError where error.code == .tagImmutable {
            request.tag = nil
            return try await client.publish(request)
        }
    }

    /// What the manifest's files are: a dataset if each of them says so.
    private static func kind(of manifest: Manifest) -> Repository.Kind {
        let dataset = FileKind.dataset.mediaType
        return !manifest.layers.isEmpty && manifest.layers.allSatisfy { $0.mediaType == dataset } ? .dataset : .model
    }

    private static func signatures(_ contents: BundleContents) -> [String] {
        contents.referrers.filter { $0.effectiveArtifactType == MediaType.sigstoreBundle }
            .compactMap { $0.layers.first.flatMap { contents.documents[$0.digest] } }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static func part(of blob: BundleContents.Blob, in file: LocalFile) throws -> Range<Int64> {
        let (end, overflow) = blob.offset.addingReportingOverflow(blob.record.size)
        guard !overflow, blob.offset >= 0, blob.record.size >= 0, end <= file.size else {
            throw AssayError(.bundleInvalid, "a blob lies outside of the bundle")
        }
        return blob.offset..<end
    }
}
