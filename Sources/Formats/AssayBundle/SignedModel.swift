import AssayCrypto
import AssayDomain

/// The statement of a model signature: every file with its digest, and one root digest over them.
///
/// Source: OpenSSF Model Signing v1.0, "Statement" and "Predicate". The root is the SHA-256 of the raw digests in the
/// order in which the resources stand; a reader follows that order and never sorts.
struct SignedModel {
    /// The most files that are read.
    static let resourcesMax = 100_000

    private let name: String
    private let resources: [Resource]
    /// What the signer passed over.
    let ignoredPaths: IgnoredPaths

    init(_ files: [VersionFile], name: String) {
        self.name = name
        resources = files.map { Resource(name: $0.path, algorithm: "sha256", digest: $0.digest.hex) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        ignoredPaths = IgnoredPaths(ModelSignature.ignoredNames)
    }

    func encoded() throws -> [UInt8] {
        let predicate = Predicate(
            resources: resources,
            serialization: Serialization(
                method: "files", hash_type: "sha256", allow_symlinks: false,
                ignore_paths: ModelSignature.ignoredNames.sorted()))
        return try Statement(
            subjects: [.init(name: name, digest: try Self.root(of: resources))],
            predicateType: PredicateType.modelSignature, predicate: try WireJSON.encode(predicate)
        ).encoded()
    }

    /// Reads a statement whose signature was checked; throws `signature-invalid`, `digest-mismatch`.
    init(parsing payload: [UInt8]) throws(AssayError) {
        let statement = try Statement(parsing: payload)
        guard statement.predicateType == PredicateType.modelSignature else {
            throw SignedJSON.invalid(
                "the statement is no model signature", reason: Printable.quote(statement.predicateType))
        }
        guard let subject = statement.subjects.first, statement.subjects.count == 1 else {
            throw SignedJSON.invalid("a model signature has exactly one subject")
        }
        let predicate = try SignedJSON.decode(
            Predicate.self, from: statement.predicate, what: "the signed file list", shape: Predicate.shape)
        try predicate.serialization.check()
        guard !predicate.resources.isEmpty else { throw SignedJSON.invalid("the signature covers no files") }
        guard predicate.resources.count <= Self.resourcesMax else {
            throw AssayError(.tooManyEntries, "the signature covers over \(Self.resourcesMax) files")
        }
        guard try Self.root(of: predicate.resources) == subject.digest else {
            throw AssayError(.digestMismatch, "the signature's root digest is not that of the files it lists")
        }
        name = subject.name
        resources = predicate.resources
        ignoredPaths = IgnoredPaths(predicate.serialization.ignore_paths ?? [])
    }

    /// Throws unless these are exactly the files listed, naming the first that is not, in the order of paths.
    func check(_ files: [VersionFile]) throws(AssayError) {
        var signed: [ExactText: String] = [:]
        for resource in resources {
            try ArchiveFault.checkPath(resource.name)
            guard signed.updateValue(resource.digest, forKey: ExactText(resource.name)) == nil else {
                throw SignedJSON.invalid("the signature lists \(Printable.quote(resource.name)) twice")
            }
        }
        for file in files.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            guard let digest = signed.removeValue(forKey: ExactText(file.path)) else {
                throw AssayError(.unsigned, "the signature does not cover \(Printable.quote(file.path))")
            }
            guard file.digest.algorithm == .sha256, file.digest.hex == digest else {
                throw AssayError(.digestMismatch, "\(Printable.quote(file.path)) is not the file that was signed")
            }
        }
        if let missing = signed.keys.min() {
            throw AssayError(.digestMismatch, "\(Printable.quote(missing.text)) was signed and is missing")
        }
    }

    /// The files listed, each with a path that stays in its folder. Throws `path-unsafe`, `signature-invalid`.
    func files() throws(AssayError) -> [(path: String, digest: Digest)] {
        var files: [(path: String, digest: Digest)] = []
        for resource in resources {
            try ArchiveFault.checkPath(resource.name)
            files.append((resource.name, try resource.checkedDigest()))
        }
        return files
    }

    private static func root(of resources: [Resource]) throws(AssayError) -> Digest {
        let digest = StreamingDigest()
        for resource in resources { digest.update(try resource.checkedDigest().bytes) }
        return digest.finalize()
    }
}

/// Files and folders that a signer passed over, by their paths within the model's folder.
package struct IgnoredPaths: Sendable {
    private let paths: [[Substring]]

    init(_ paths: [String]) {
        // A path that leads nowhere below the folder covers nothing.
        self.paths = paths.map { $0.pathComponents.filter { !$0.isEmpty && !$0.isExactly(".") } }.filter { !$0.isEmpty }
    }

    /// Whether a path is one of them, or below one.
    package func covers(_ path: String) -> Bool {
        let parts = path.pathComponents
        return paths.contains { ignored in
            ignored.count <= parts.count && zip(ignored, parts).allSatisfy { $0.isExactly($1) }
        }
    }
}

private struct Predicate: Codable {
    let resources: [Resource]
    let serialization: Serialization

    static let shape = JSONShape.object([
        "resources": .list(.object(["name": .free, "algorithm": .free, "digest": .free])),
        "serialization": .object([
            "method": .free, "hash_type": .free, "allow_symlinks": .free, "ignore_paths": .free,
        ]),
    ])
}

private struct Resource: Codable {
    let name: String
    let algorithm: String
    let digest: String

    func checkedDigest() throws(AssayError) -> Digest {
        guard algorithm == "sha256" else {
            throw SignedJSON.invalid("a file is signed with another hash", reason: Printable.quote(algorithm))
        }
        do throws(AssayError) {
            return try Digest(parsing: "sha256:\(digest)")
        } catch {
            throw SignedJSON.invalid("a signed file's digest is malformed", reason: error.reason)
        }
    }
}

/// How a signer made the list; the keys are those of the format.
private struct Serialization: Codable {
    let method: String
    let hash_type: String
    let allow_symlinks: Bool?
    let ignore_paths: [String]?

    func check() throws(AssayError) {
        guard method == "files", hash_type == "sha256" else {
            throw SignedJSON.invalid("the files were not signed one by one with SHA-256")
        }
        guard allow_symlinks != true else { throw SignedJSON.invalid("the signature follows symbolic links") }
    }
}
