import AssayCrypto
package import AssayDomain

/// The predicate by which a release key binds a manifest to its files: it repeats what its signer saw in it.
///
/// The statement's only subject is the manifest's digest. Format: docs/formats/attestations.md.
package enum BindingPredicate {
    /// A statement that binds a manifest to its files. `name` is for people: the name of the model.
    ///
    /// Throws `manifest-invalid`, `manifest-ambiguous`, `path-unsafe` for a manifest that nobody should bind.
    package static func statement(binding manifest: Manifest, name: String) throws -> Statement {
        let files = try ManifestReading(manifest).unambiguousFiles()
        return Statement(
            subjects: [.init(name: name, digest: manifest.digest)], predicateType: PredicateType.binding,
            predicate: try WireJSON.encode(Body(files)))
    }

    /// Whether a statement whose signature was checked binds a manifest that has exactly these files.
    static func binds(_ statement: Statement, _ digest: Digest, _ files: [VersionFile]) -> Bool {
        guard statement.predicateType == PredicateType.binding, statement.subjects.map(\.digest) == [digest],
            // What cannot be read binds nothing.
            let body = try? JSON.decodeVerbatim(Body.self, from: statement.predicate, shape: Body.shape)
        else { return false }
        return body.sorted == Body(files).sorted
    }

    private struct Body: Codable {
        struct File: Codable, Equatable {
            let path: String
            let digest: Digest
            let size: Int64

            /// By bytes: two spellings of one letter are two names.
            static func == (left: File, right: File) -> Bool {
                left.path.utf8.elementsEqual(right.path.utf8) && left.digest == right.digest && left.size == right.size
            }
        }

        let files: [File]

        init(_ files: [VersionFile]) {
            self.files = files.map { File(path: $0.path, digest: $0.digest, size: $0.size) }
        }

        var sorted: [File] { files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) } }

        static let shape = JSONShape.object([
            "files": .list(.object(["path": .free, "digest": .free, "size": .free]))
        ])
    }
}
