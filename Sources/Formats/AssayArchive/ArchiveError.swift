/// Why a tar archive was refused, or could not be written.
package struct ArchiveError: Error, Sendable, Equatable {
    /// The class of the fault; the raw value is stable.
    package enum Kind: String, Sendable, CaseIterable {
        /// A path that leads out of the folder it is unpacked in.
        case pathEscapes = "path-escapes"
        /// A path that not every system understands alike.
        case pathInvalid = "path-invalid"
        case linkNotAllowed = "link-not-allowed"
        case typeNotAllowed = "type-not-allowed"
        case duplicateEntry = "duplicate-entry"
        /// A path that is a file in one place and a folder in another.
        case pathConflict = "path-conflict"
        /// Headers that two readers could understand in two ways.
        case ambiguousHeader = "ambiguous-header"
        case headerInvalid = "header-invalid"
        case sizeInvalid = "size-invalid"
        case checksum
        /// The archive stops before its end marker.
        case truncated
        /// The end marker is damaged, or something comes after it.
        case trailingData = "trailing-data"
        case tooManyEntries = "too-many-entries"
        case tooLarge = "too-large"
        /// libarchive or the output refused.
        case writeFailed = "write-failed"
    }

    package let kind: Kind
    /// The fault in words. It can hold a path from the archive, so whoever prints it escapes it.
    package let reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }
}

extension ArchiveError: CustomStringConvertible {
    package var description: String { "\(kind.rawValue): \(reason)" }
}
