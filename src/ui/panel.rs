//! A screen's worth of what changes: texts, tables, lists and news, fitted to a terminal's columns and rows.
//! Pure: parts in, lines out. Must know nothing of what is shown, or of how it gets to the terminal.

use anstyle::Style;
use textwrap::core::display_width;

use super::render::style;
use super::terminal::one_line;

/// What a text is, for its colour; it makes sense without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Warning,
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => style::STRONG,
            Self::Dim => style::DIM,
            Self::Good => style::GOOD,
            Self::Warning => style::CHANGE,
            Self::Bad => style::BAD,
        }
    }
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    text: String,
    tone: Tone,
}

impl Piece {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            // Others may have said it.
            text: one_line(&text.into()).into_owned(),
            tone,
        }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Plain)
    }

    pub(crate) fn dim(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Dim)
    }

    fn width(&self) -> usize {
        display_width(&self.text)
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub title: &'static str,
    /// In a terminal of fewer columns it is left out.
    pub from: usize,
    pub to_the_right: bool,
}

impl Column {
    pub(crate) const fn always(title: &'static str) -> Self {
        Self::from(title, 0)
    }

    pub(crate) const fn from(title: &'static str, from: usize) -> Self {
        Self {
            title,
            from,
            to_the_right: false,
        }
    }

    pub(crate) const fn number(title: &'static str) -> Self {
        Self {
            to_the_right: true,
            ..Self::always(title)
        }
    }
}

/// Before what goes on in another line.
const FURTHER: &str = "    ";

/// A part of the screen.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// Lines as they are, cut where there is no room.
    Lines(Vec<Vec<Piece>>),
    /// One line, folded between its words where there is no room.
    Folded(Vec<Piece>),
    Table {
        columns: Vec<Column>,
        rows: Vec<Vec<Piece>>,
    },
    /// One after the other, as many in a line as there is room for.
    Flow { title: &'static str, items: Vec<Piece> },
    /// Newest last: as many of the newest as there is room for when all else stands.
    News { title: &'static str, rows: Vec<Vec<Piece>> },
    /// Always the screen's last line.
    Foot(Vec<Piece>),
}

/// The screen's lines, at most `rows`, none wider than `columns`. `News` and `Foot` come last.
pub(super) fn lines(parts: &[Part], columns: usize, rows: usize) -> Vec<Vec<Piece>> {
    let foot = parts.iter().find_map(|part| match part {
        Part::Foot(foot) => Some(foot.clone()),
        _ => None,
    });
    let mut lines = Vec::new();
    for part in parts {
        match part {
            Part::Lines(of) => lines.extend(of.clone()),
            Part::Folded(line) => lines.extend(folded(line, columns)),
            Part::Table { columns: of, rows } => lines.extend(table(of, rows, columns)),
            Part::Flow { title, items } => lines.extend(flow(title, items, columns)),
            Part::News { .. } | Part::Foot(_) => {}
        }
    }
    let room = rows.saturating_sub(usize::from(foot.is_some()));
    lines.truncate(room);
    for part in parts {
        if let Part::News { title, rows: news } = part {
            // Without a line of it its title says nothing.
            let left = room.saturating_sub(lines.len() + 1);
            if left > 0 && !news.is_empty() {
                lines.push(vec![Piece::new(*title, Tone::Strong)]);
                lines.extend(news[news.len().saturating_sub(left)..].iter().cloned());
            }
        }
    }
    lines.extend(foot);
    lines.into_iter().map(|line| cut(line, columns)).collect()
}

/// A word that is longer than a line is left to be cut.
fn folded(line: &[Piece], columns: usize) -> Vec<Vec<Piece>> {
    let words = line.iter().flat_map(|piece| {
        let words = piece.text.split_inclusive(' ');
        words.map(|word| Piece::new(word, piece.tone))
    });
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut used = 0;
    for word in words {
        let width = display_width(word.text.trim_end_matches(' '));
        if used > 0 && used + width > columns {
            lines.push(vec![Piece::plain(FURTHER)]);
            used = FURTHER.len();
        }
        used += word.width();
        if let Some(line) = lines.last_mut() {
            line.push(word);
        }
    }
    // Behind the last word a blank has no place to be.
    for piece in lines.iter_mut().filter_map(|line| line.last_mut()) {
        piece.text.truncate(piece.text.trim_end_matches(' ').len());
    }
    lines
}

/// Titles and rows under each other. A column is as wide as what is in it, the last one as wide as there is room.
fn table(columns: &[Column], rows: &[Vec<Piece>], width: usize) -> Vec<Vec<Piece>> {
    let shown: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].from <= width).collect();
    let cell = |row: &[Piece], at: usize| row.get(at).cloned().unwrap_or_else(|| Piece::plain(""));
    let widest = |at: usize| {
        let in_it = rows.iter().map(|row| cell(row, at).width());
        in_it.chain([display_width(columns[at].title)]).max().unwrap_or(0)
    };
    let titles: Vec<Piece> = columns
        .iter()
        .map(|column| Piece::new(column.title, Tone::Strong))
        .collect();
    let line = |row: &[Piece]| {
        let mut line = Vec::new();
        for at in &shown {
            let mut piece = cell(row, *at);
            let space = " ".repeat(widest(*at).saturating_sub(piece.width()));
            piece.text = match columns[*at].to_the_right {
                true => format!("{space}{}", piece.text),
                false => format!("{}{space}", piece.text),
            };
            line.extend([piece, Piece::plain("  ")]);
        }
        line
    };
    std::iter::once(titles.as_slice())
        .chain(rows.iter().map(Vec::as_slice))
        .map(line)
        .collect()
}

fn flow(title: &str, items: &[Piece], width: usize) -> Vec<Vec<Piece>> {
    let indent = display_width(title) + 2;
    let mut lines = vec![vec![Piece::new(title, Tone::Strong), Piece::plain("  ")]];
    let mut used = indent;
    for item in items {
        let is_first = used == indent;
        if !is_first && used + 2 + item.width() > width {
            lines.push(vec![Piece::plain(" ".repeat(indent))]);
            used = indent;
        }
        let between = if used == indent { "" } else { "  " };
        used += between.len() + item.width();
        if let Some(line) = lines.last_mut() {
            line.extend([Piece::plain(between), item.clone()]);
        }
    }
    lines
}

/// The line as far as there is room, ending in a mark where something is left out.
fn cut(line: Vec<Piece>, columns: usize) -> Vec<Piece> {
    let width: usize = line.iter().map(Piece::width).sum();
    if width <= columns {
        return line;
    }
    let mut room = columns.saturating_sub(1);
    let mut kept = Vec::new();
    for piece in line {
        let mut text = String::new();
        for c in piece.text.chars() {
            let wide = display_width(c.encode_utf8(&mut [0; 4]));
            if wide > room {
                kept.push(Piece { text, ..piece });
                kept.push(Piece::dim(if columns == 0 { "" } else { "…" }));
                return kept;
            }
            room -= wide;
            text.push(c);
        }
        kept.push(Piece { text, ..piece });
    }
    kept
}

/// A line as a terminal takes it.
pub(super) fn styled(line: &[Piece], colours: bool) -> String {
    let mut text = String::new();
    for piece in line {
        match (colours, piece.tone) {
            (false, _) | (true, Tone::Plain) => text.push_str(&piece.text),
            (true, tone) => {
                let style = tone.style();
                text.push_str(&format!("{style}{}{style:#}", piece.text));
            }
        }
    }
    text.truncate(text.trim_end_matches(' ').len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: &[Part], columns: usize, rows: usize) -> String {
        let lines = lines(parts, columns, rows);
        assert!(lines.len() <= rows, "{} lines in {rows} rows", lines.len());
        for line in &lines {
            let width: usize = line.iter().map(Piece::width).sum();
            assert!(width <= columns, "{width} columns of {columns}: {line:?}");
        }
        let text: Vec<String> = lines.iter().map(|line| styled(line, false)).collect();
        text.join("\n")
    }

    fn parts() -> Vec<Part> {
        let instance = |id: &str, cpu: &str| {
            let pieces = [id, cpu, "app-1", "us-east-1a"].map(Piece::plain);
            pieces.to_vec()
        };
        let event = |text: &str| vec![Piece::dim("12:00:00  "), Piece::plain(text)];
        vec![
            Part::Lines(vec![vec![
                Piece::new("conference", Tone::Strong),
                Piece::plain(" in us-east-1"),
            ]]),
            Part::Table {
                columns: vec![
                    Column::always("INSTANCE"),
                    Column::number("CPU"),
                    Column::always("VERSION"),
                    Column::from("ZONE", 60),
                ],
                rows: vec![instance("i-1", "7 %"), instance("i-2", "100 %")],
            },
            Part::Flow {
                title: "RESOURCES",
                items: ["users-table ok", "environment ok", "distribution ok"]
                    .map(Piece::plain)
                    .to_vec(),
            },
            Part::News {
                title: "EVENTS",
                rows: ["one", "two", "three"].map(event).to_vec(),
            },
            Part::Foot(vec![Piece::dim("q ends")]),
        ]
    }

    #[test]
    fn a_wide_screen_has_all_of_it() {
        let wanted = "\
conference in us-east-1
INSTANCE    CPU  VERSION  ZONE
i-1         7 %  app-1    us-east-1a
i-2       100 %  app-1    us-east-1a
RESOURCES  users-table ok  environment ok  distribution ok
EVENTS
12:00:00  one
12:00:00  two
12:00:00  three
q ends";
        assert_eq!(shown(&parts(), 80, 24), wanted);
    }

    #[test]
    fn a_small_one_has_what_fits_and_the_newest_of_the_news() {
        let wanted = "\
conference in us-east-1
INSTANCE    CPU  VERSION
i-1         7 %  app-1
i-2       100 %  app-1
RESOURCES  users-table ok
           environment ok
           distribution ok
EVENTS
12:00:00  three
q ends";
        assert_eq!(shown(&parts(), 28, 10), wanted);
        assert_eq!(shown(&parts(), 10, 3), "conferenc…\nINSTANCE …\nq ends");
        for columns in 0..40 {
            for rows in 0..12 {
                let lines = lines(&parts(), columns, rows.max(1));
                assert!(lines.len() <= rows.max(1));
            }
        }
    }

    #[test]
    fn an_address_is_folded_whole_and_not_cut() {
        let line = vec![
            Piece::new("conference", Tone::Strong),
            Piece::plain(" in us-east-1 at http://127.0.0.1:4566 (not AWS), profile dev"),
        ];
        assert_eq!(
            shown(&[Part::Folded(line.clone())], 40, 5),
            "conference in us-east-1 at\n    http://127.0.0.1:4566 (not AWS),\n    profile dev"
        );
        assert_eq!(
            shown(&[Part::Folded(line)], 80, 5),
            "conference in us-east-1 at http://127.0.0.1:4566 (not AWS), profile dev"
        );
    }

    #[test]
    fn what_others_said_does_nothing_to_the_screen() {
        let piece = Piece::new("down\u{1b}[2J\nup", Tone::Bad);
        assert_eq!(styled(std::slice::from_ref(&piece), false), "down [2J up");
        let red = style::BAD;
        assert_eq!(styled(&[piece], true), format!("{red}down [2J up{red:#}"));
    }

    #[test]
    fn wide_characters_are_cut_where_they_would_not_fit() {
        assert_eq!(styled(&cut(vec![Piece::plain("会議会議")], 6), false), "会議…");
    }
}
