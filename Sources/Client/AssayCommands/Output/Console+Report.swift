import AssayClient
import AssayDomain
import AssayReport

extension Console {
    /// Writes a page in place of what is there, and says so; `-` is the standard output. Throws `usage`,
    /// `file-not-found`, `file-inaccessible`, `storage-full`.
    func write(page: ReportPage, to path: String) throws {
        let text = try page.html()
        if path == "-" { return try self.print(text: text) }
        let slash = path.lastIndex(of: "/")
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !name.isEmpty else {
            throw AssayError(
                .usage, "\(Printable.quote(path)) names no file", remedy: "name a file, or - for the output")
        }
        try FolderHandle.open(path: slash.map { String(path[...$0]) } ?? ".")
            .write(Array(text.utf8), as: name, replacing: true, flushed: true)
        note("wrote \(Printable.quote(path))")
    }

    /// The sections of a page without its pictures.
    func print(_ sections: [ReportSection]) throws {
        for section in sections {
            try self.print("", Printable.escape(section.title).uppercased())
            if let note = section.note { try self.print(Printable.escape(note, limit: 1_000)) }
            for table in section.tables where !table.rows.isEmpty {
                var lines = Table(headings: table.headings.map { $0.uppercased() })
                for row in table.rows { lines.add(row: row.map(\.text)) }
                try self.print("")
                try self.print(lines)
            }
        }
    }
}
