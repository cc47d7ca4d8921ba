import AssayBundle
import AssayClient
import AssayDomain

/// Checks a folder against the signature that lies in it, without a registry.
enum FolderCheck {
    /// What was found to be right.
    struct Result: Encodable, Sendable {
        let folder: String
        let fileCount: Int
        let signer: String
    }

    /// Throws `unsigned` without a signature or with a file that it does not cover, `digest-mismatch` for a file that
    /// changed or is missing, `untrusted-key`, `signature-invalid`.
    static func check(_ folder: String, trusted: TrustRoot, display: ProgressDisplay) async throws -> Result {
        try await FileAccess.withAccess { access in
            // A link is followed once: all that is read is of one folder, also while it moves.
            let place = try await access.run { try FolderHandle.open(path: folder).absolutePath ?? folder }
            let bundle = try await access.run { try signature(in: place) }
            let scan = try await access.run { try FileScan.scan([place], rules: nil) }
            // What a cut download left was never a file of anything, and no loader takes it for one.
            let files = try await hash(
                scan.files.filter { !ModelSignature.ignores(path: $0.path) && !isDraft($0.path) }, access: access,
                display: display)
            // A folder does not say of which repository it is.
            let now = Timestamp.now
            let signer = try TrustedSigners(
                trusted.keys(.release, for: nil, at: now), revoked: trusted.revoked,
                outOfTime: trusted.outOfTime(.release, for: nil, at: now)
            ).signer(of: bundle, over: files, at: now)
            return Result(folder: folder, fileCount: files.count, signer: signer.id)
        }
    }

    private static func isDraft(_ path: String) -> Bool {
        path.pathComponents.last.map { DraftFile.isName(String($0)) } ?? false
    }

    private static func hash(
        _ scanned: [ScannedFile], access: FileAccess, display: ProgressDisplay
    ) async throws -> [VersionFile] {
        defer { display.end() }
        var files: [VersionFile] = []
        for file in scanned {
            let local = try await access.run { try LocalFile(opening: file.localPath) }
            let digest = try await access.hash(local)
            files.append(VersionFile(path: file.path, digest: digest, size: local.size))
            display.show(
                ProgressState(
                    label: "reading", done: Int64(files.count), total: Int64(scanned.count), isBytes: false))
        }
        return files
    }

    private static func signature(in path: String) throws(AssayError) -> [UInt8] {
        guard let file = try FolderHandle.open(path: path).file(ModelSignature.fileName) else {
            throw AssayError(.unsigned, "\(Printable.quote(path)) holds no \(ModelSignature.fileName)")
        }
        return try file.readAll(bytesMax: ModelSignature.bytesMax)
    }
}
