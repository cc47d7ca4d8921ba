import AssayClient
import AssayDomain

/// Two names of one version that are one in a folder: file systems of Windows, macOS and cameras fold case, and some
/// fold the forms of Unicode.
struct NameCollision: Sendable, Hashable {
    let first: String
    let second: String

    /// The first two names that lead to one place although they are two. `isListed` says whether the folder has a
    /// name by its very bytes: two names of one file by somebody's own links are both there.
    static func find(
        _ places: [(path: String, node: FileNode)], isListed: (String) -> Bool
    ) -> NameCollision? {
        var known: [FileNode: String] = [:]
        for (path, node) in places {
            guard let other = known.updateValue(path, forKey: node), !other.isExactly(path) else { continue }
            guard isListed(path), isListed(other) else { return NameCollision(first: other, second: path) }
        }
        return nil
    }

    /// Looks for them in a folder: the files of these paths, and the folders on the way.
    static func find(_ paths: [String], in root: FolderHandle) throws(AssayError) -> NameCollision? {
        var places: [(path: String, node: FileNode)] = []
        var known: Set<ExactText> = []
        for path in paths {
            var folder = root
            var above = ""
            for component in path.pathComponents {
                let inner = above.isEmpty ? String(component) : "\(above)/\(component)"
                let isLast = inner.utf8.count == path.utf8.count
                if known.insert(ExactText(inner)).inserted, let node = folder.node(of: String(component)) {
                    places.append((inner, node))
                }
                above = inner
                // What is in a folder's place is told of elsewhere.
                guard !isLast, folder.kind(of: String(component)) == .folder,
                    let next = try folder.existingSubfolder(String(component))
                else { break }
                folder = next
            }
        }
        guard Set(places.map(\.node)).count < places.count else { return nil }
        let contents = try FolderContents.look(at: root) { _ in false }
        var listed: Set<ExactText> = []
        for found in contents.entries {
            var path = ""
            for entry in found.folders + [found.entry] {
                path = path.isEmpty ? entry.name : "\(path)/\(entry.name)"
                listed.insert(ExactText(path))
            }
        }
        return find(places) { listed.contains(ExactText($0)) }
    }

    func error(in folder: String) -> AssayError {
        AssayError(
            .pathUnsafe,
            "\(Printable.quote(first)) and \(Printable.quote(second)) are one name in \(Printable.quote(folder))",
            reason: "its file system does not tell them apart, so one of the two would be lost",
            remedy: "pull into a folder of a file system that tells upper case from lower case")
    }
}
