import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// Brings the version of a bundle into a registry.
struct BundleImport: Sendable {
    /// What came of it.
    struct Result: Encodable, Sendable {
        let version: Version
        let isNew: Bool
        /// What the bundle proved.
        let proof: BundleProof
        /// Aliases of the bundle that point to the version now.
        let aliases: [AliasName]
    }

    let publisher: Publisher
    let root: TrustRoot
    /// Whether the bundle's log must be one that the trust root names.
    let demandsLog: Bool
    /// Whether the aliases that the bundle carries are moved too.
    let withAliases: Bool
    let note: @Sendable (String) -> Void

    private var client: AssayClient { publisher.client }

    /// Checks a bundle completely and only then sends it, so that a refused one leaves nothing behind.
    ///
    /// The version gets the number that it had if that is free. Repeating it gives the same version. Throws as
    /// `BundleReader.read`, `BundleProof.check` and a push do.
    func run(_ path: String, as name: RepositoryName?) async throws -> Result {
        let bundle = try await OpenBundle.open(path, files: client.files)
        let contents = bundle.contents
        let stated = name ?? contents.label?.repository
        let proof = try await client.files.run {
            try BundleProof.check(
                bundle, repository: stated, root: root, demandsLog: demandsLog, demand: .signature)
        }
        if let withdrawn = proof.withdrawn {
            note("warning: the version in \(Printable.escape(path)) is \(withdrawn.text)")
        }
        guard let repository = stated else {
            throw AssayError(
                .usage, "the archive does not say of which repository it is", remedy: "add --as NAME")
        }
        let blobs = try contents.blobs.map { blob in
            let part = try bundle.part(of: blob)
            return PendingBlob(digest: blob.record.digest, size: blob.record.size) {
                UploadSource(bundle.file, part: part, digest: blob.record.digest)
            }
        }
        _ = try await publisher.send(blobs, to: repository)
        let metadata = try await client.files.run { try proof.metadata(of: bundle) }
        let response = try await publish(bundle.contents, metadata, in: repository)
        // A bill that nobody who is trusted vouches for stays behind; the registry makes its own.
        let referrers = contents.referrers.filter {
            proof.hasBill || $0.effectiveArtifactType != MediaType.cycloneDX
        }
        // Evidence first, then what was derived from it: so nothing is derived anew here.
        let derived = [MediaType.cycloneDX, MediaType.logProof]
        let sorted =
            referrers.filter { !derived.contains($0.effectiveArtifactType ?? "") }
            + referrers.filter { derived.contains($0.effectiveArtifactType ?? "") }
        for referrer in sorted { try await client.attach(referrer, in: repository) }
        let aliases = withAliases ? try await move(contents.label?.aliases ?? [], to: response.version) : []
        return Result(version: response.version, isNew: response.isNew, proof: proof, aliases: aliases)
    }

    private func publish(
        _ contents: BundleContents, _ metadata: VersionMetadata?, in repository: RepositoryName
    ) async throws -> PublishResponse {
        let manifest = contents.manifest
        var request = PublishRequest(
            repository: repository, kind: Self.kind(of: manifest),
            manifest: String(decoding: manifest.bytes, as: UTF8.self), mediaType: manifest.mediaType,
            tag: contents.label?.number.description, metadata: metadata, makesProvenance: false)
        do {
            return try await client.publish(request)
        } catch let error as AssayError where error.code == .tagImmutable {
            request.tag = nil
            return try await client.publish(request)
        }
    }

    /// Moves aliases by hand; one that a policy protects stays where it is.
    private func move(_ aliases: [AliasName], to version: Version) async throws -> [AliasName] {
        var moved: [AliasName] = []
        for alias in aliases {
            do {
                _ = try await client.moveAlias(
                    Reference(version.repository, alias), MoveAliasRequest(version: version.number))
                moved.append(alias)
            } catch let error as AssayError where error.code == .aliasProtected {
                note("\(version.repository):\(alias) did not move: \(error.message); promote the version to it")
            }
        }
        return moved
    }

    /// What the manifest's files are: a dataset if each of them says so.
    private static func kind(of manifest: Manifest) -> Repository.Kind {
        let dataset = FileKind.dataset.mediaType
        return !manifest.layers.isEmpty && manifest.layers.allSatisfy { $0.mediaType == dataset } ? .dataset : .model
    }
}
