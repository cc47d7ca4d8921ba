/// Which keys the objects of a format have, so that another spelling of one can be told from a key of its own.
///
/// Some readers, Go's among them, take keys without regard to case and the last of those that match; others take them
/// as they stand. A document with `Layers` in it is two documents. So where a format names the keys of an object, a
/// key that folds to one of them must be it; keys that fold to none are unknown, and are passed over as formats demand.
package indirect enum JSONShape: Sendable {
    /// A value of any form whose keys, if it has some, are free.
    case free
    case object(Members)
    case list(JSONShape)

    /// The named keys of an object.
    package struct Members: Sendable {
        private let shapes: [[UInt8]: JSONShape]
        private let names: [[UInt8]: String]

        fileprivate init(_ members: [String: JSONShape]) {
            shapes = Dictionary(uniqueKeysWithValues: members.map { (Array($0.key.utf8), $0.value) })
            names = Dictionary(uniqueKeysWithValues: members.keys.map { (JSONShape.folded(Array($0.utf8)), $0) })
        }

        /// The shape of a key's value; free for a key that the format does not name.
        func shape(of key: [UInt8]) -> JSONShape { shapes[key] ?? .free }

        /// The name that a key folds to without being it; nil if it is a name, or folds to none.
        func name(misspeltBy key: [UInt8]) -> String? { shapes[key] == nil ? names[JSONShape.folded(key)] : nil }
    }

    /// An object with these keys.
    package static func object(_ members: [String: JSONShape]) -> JSONShape { .object(Members(members)) }

    /// The key with its letters folded: ASCII, and the two others that fold to ASCII, `ſ` (U+017F) and the Kelvin sign
    /// (U+212A).
    ///
    /// Source: Unicode CaseFolding.txt, simple folding. The names of formats are ASCII, so no other letter matters.
    private static func folded(_ key: [UInt8]) -> [UInt8] {
        String(decoding: key, as: UTF8.self).unicodeScalars.flatMap { scalar -> [UInt8] in
            switch scalar {
            case "A"..."Z": [UInt8(scalar.value) | 0x20]
            case "\u{17F}": [UInt8(ascii: "s")]
            case "\u{212A}": [UInt8(ascii: "k")]
            default: Array(String(scalar).utf8)
            }
        }
    }
}
