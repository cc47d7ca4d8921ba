import AssayDomain
import Mustache

/// Facts as one HTML page of tables that needs nothing from anywhere: no script, no font, no picture.
///
/// The page is a part of the format of dossiers: the same facts give the same bytes in every release, so its template
/// and its style change only with the number of that format. All text is escaped by the template; before that, control
/// characters are made visible.
package struct FactsPage: Sendable {
    /// A table with a heading; without rows it says so.
    package struct Part: Sendable {
        let anchor: String
        let heading: String
        let remark: String
        let columns: [String]
        /// Stored, as the template sees no others.
        private var isEmpty = true
        private var lines: [Line] = []

        package init(_ anchor: String, _ heading: String, remark: String, columns: [String]) {
            self.anchor = anchor
            self.heading = heading
            self.remark = remark
            self.columns = columns
        }

        /// Adds a row; `isBad` marks one that somebody should look at.
        package mutating func add(_ cells: [String], isBad: Bool = false) {
            precondition(cells.count == columns.count, "a row has a cell under each heading")
            isEmpty = false
            lines.append(Line(cells: cells.map { FactsPage.safe($0) }, isBad: isBad))
        }
    }

    private struct Line: Sendable {
        let cells: [String]
        let isBad: Bool
    }

    private static let textCharactersMax = 2_000

    private let title: String
    private let lead: [String]
    private let parts: [Part]

    package init(title: String, lead: [String], parts: [Part]) {
        self.title = Self.safe(title)
        self.lead = lead.map { Self.safe($0) }
        self.parts = parts
    }

    /// The page. Throws only if the template is broken.
    package func html() throws -> String {
        let template = try MustacheTemplate(string: String(decoding: PackageResources.facts_mustache, as: UTF8.self))
        return template.render(self)
    }

    private static func safe(_ text: String) -> String { Printable.escape(text, limit: textCharactersMax) }
}
