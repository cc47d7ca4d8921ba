import ArgumentParser
import AssayDomain

extension CompletionKind {
    /// The words of an enumeration, as its option takes them.
    static func values<Value: CaseIterable & RawRepresentable<String>>(of _: Value.Type) -> CompletionKind {
        .list(Value.allCases.map(\.rawValue))
    }

    /// Repositories that the registry has now.
    static let repository = live(.repositories)

    /// Versions that the registry has now, by number and by alias.
    static let reference = live(.references(nil))

    /// Versions of datasets.
    static let dataset = live(.references(.dataset))

    /// Aliases of the repository that stands before.
    static let alias = live(.aliases)

    /// Numbers of the versions of the repository that stands before.
    static let number = live(.numbers)

    private static func live(_ wanted: LiveNames.Wanted) -> CompletionKind {
        .custom { (words: [String], index: Int, _: String) async -> [String] in
            let names = await LiveNames.complete(wanted, TypedLine(words, index: index))
            // The script of zsh gives names with descriptions, which stand behind a colon.
            return CompletionShell.requesting == .zsh ? names.map { $0.replacing(":", with: "\\:") } : names
        }
    }
}
