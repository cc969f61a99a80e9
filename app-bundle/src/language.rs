//! The languages of the page and every text of it, in each. Which one a visitor gets is for the visitor to say: by the
//! path, since an edge in front forwards neither `Accept-Language` nor query strings and caches by path alone.

/// One of the languages in [`TEXTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(usize);

/// Everything that is said on the page but the event's own texts.
#[derive(Debug)]
pub struct Texts {
    /// BCP 47; also the path.
    tag: &'static str,
    /// As its speakers call it.
    pub name: &'static str,
    /// `ltr` or `rtl`.
    pub direction: &'static str,
    pub event_text: &'static str,
    pub event_prizes: &'static str,
    pub label: &'static str,
    pub button: &'static str,
    pub sending: &'static str,
    pub retrying: &'static str,
    pub empty: &'static str,
    pub too_long: &'static str,
    pub malformed: &'static str,
    pub busy: &'static str,
    pub error_title: &'static str,
    pub busy_title: &'static str,
    pub registered_title: &'static str,
    pub registered_text: &'static str,
    pub another: &'static str,
    pub lost_title: &'static str,
    pub lost_text: &'static str,
    pub to_form: &'static str,
    pub privacy: &'static str,
    pub languages: &'static str,
}

impl Language {
    /// Of `/`, and wherever no other is asked for.
    pub const ENGLISH: Self = Self(0);

    pub fn all() -> impl Iterator<Item = Self> {
        (0..TEXTS.len()).map(Self)
    }

    /// By its tag.
    pub fn of(tag: &str) -> Option<Self> {
        TEXTS.iter().position(|texts| texts.tag == tag).map(Self)
    }

    /// Its place in the order of [`Language::all`].
    pub fn index(self) -> usize {
        self.0
    }

    pub fn tag(self) -> &'static str {
        self.texts().tag
    }

    pub fn texts(self) -> &'static Texts {
        &TEXTS[self.0]
    }
}

static TEXTS: [Texts; 7] = [
    Texts {
        tag: "en",
        name: "English",
        direction: "ltr",
        event_text: "Leave your e-mail address to take part in the draw.",
        event_prizes: "10 vouchers for 3 cloud certifications",
        label: "E-mail address",
        button: "Take part",
        sending: "Sending your address…",
        retrying: "Too many people at once. Trying again by itself, keep this page open…",
        empty: "Please enter your e-mail address.",
        too_long: "This e-mail address is too long.",
        malformed: "This does not look like an e-mail address. It should be like name@example.com.",
        busy: "Too many people at once. Your address is not in yet: please try again in a few seconds.",
        error_title: "Error",
        busy_title: "Please try again",
        registered_title: "You are in the draw",
        registered_text: "Your address is registered. Nothing more to do: good luck!",
        another: "Register another address",
        lost_title: "There is nothing here",
        lost_text: "The form is on the first page.",
        to_form: "Go to the form",
        privacy: "One address takes part once. It is used for the draw only.",
        languages: "Language",
    },
    Texts {
        tag: "de",
        name: "Deutsch",
        direction: "ltr",
        event_text: "Tragen Sie Ihre E-Mail-Adresse ein, um an der Verlosung teilzunehmen.",
        event_prizes: "10 Gutscheine für 3 Cloud-Zertifizierungen",
        label: "E-Mail-Adresse",
        button: "Teilnehmen",
        sending: "Ihre Adresse wird gesendet…",
        retrying: "Gerade sind es zu viele auf einmal. Wir versuchen es von selbst noch einmal, bitte lassen Sie die Seite offen…",
        empty: "Bitte geben Sie Ihre E-Mail-Adresse ein.",
        too_long: "Diese E-Mail-Adresse ist zu lang.",
        malformed: "Das sieht nicht nach einer E-Mail-Adresse aus. Sie sollte so aussehen: name@example.com.",
        busy: "Gerade sind es zu viele auf einmal. Ihre Adresse ist noch nicht eingetragen: Bitte versuchen Sie es in ein paar Sekunden noch einmal.",
        error_title: "Fehler",
        busy_title: "Bitte noch einmal versuchen",
        registered_title: "Sie nehmen an der Verlosung teil",
        registered_text: "Ihre Adresse ist eingetragen. Mehr ist nicht zu tun: viel Glück!",
        another: "Weitere Adresse eintragen",
        lost_title: "Hier ist nichts",
        lost_text: "Das Formular ist auf der ersten Seite.",
        to_form: "Zum Formular",
        privacy: "Jede Adresse nimmt einmal teil. Sie wird nur für die Verlosung verwendet.",
        languages: "Sprache",
    },
    Texts {
        tag: "es",
        name: "Español",
        direction: "ltr",
        event_text: "Deja tu correo electrónico para participar en el sorteo.",
        event_prizes: "10 vales para 3 certificaciones en la nube",
        label: "Correo electrónico",
        button: "Participar",
        sending: "Enviando tu correo…",
        retrying: "Hay demasiadas personas a la vez. Lo intentamos de nuevo automáticamente, no cierres esta página…",
        empty: "Escribe tu correo electrónico.",
        too_long: "Este correo electrónico es demasiado largo.",
        malformed: "Esto no parece un correo electrónico. Debería ser como nombre@example.com.",
        busy: "Hay demasiadas personas a la vez. Tu correo aún no está registrado: inténtalo de nuevo en unos segundos.",
        error_title: "Error",
        busy_title: "Inténtalo de nuevo",
        registered_title: "Ya participas en el sorteo",
        registered_text: "Tu correo está registrado. No tienes que hacer nada más: ¡suerte!",
        another: "Registrar otro correo",
        lost_title: "Aquí no hay nada",
        lost_text: "El formulario está en la primera página.",
        to_form: "Ir al formulario",
        privacy: "Cada correo participa una sola vez. Se usa únicamente para el sorteo.",
        languages: "Idioma",
    },
    Texts {
        tag: "fr",
        name: "Français",
        direction: "ltr",
        event_text: "Laissez votre adresse e-mail pour participer au tirage au sort.",
        event_prizes: "10 bons pour 3 certifications cloud",
        label: "Adresse e-mail",
        button: "Participer",
        sending: "Envoi de votre adresse…",
        retrying: "Trop de monde en même temps. Nouvel essai automatique, gardez cette page ouverte…",
        empty: "Veuillez saisir votre adresse e-mail.",
        too_long: "Cette adresse e-mail est trop longue.",
        malformed: "Cela ne ressemble pas à une adresse e-mail. Elle devrait être comme nom@example.com.",
        busy: "Trop de monde en même temps. Votre adresse n’est pas encore inscrite : réessayez dans quelques secondes.",
        error_title: "Erreur",
        busy_title: "Veuillez réessayer",
        registered_title: "Vous participez au tirage",
        registered_text: "Votre adresse est inscrite. Rien d’autre à faire : bonne chance !",
        another: "Inscrire une autre adresse",
        lost_title: "Il n’y a rien ici",
        lost_text: "Le formulaire est sur la première page.",
        to_form: "Aller au formulaire",
        privacy: "Chaque adresse participe une seule fois. Elle ne sert qu’au tirage.",
        languages: "Langue",
    },
    Texts {
        tag: "pt",
        name: "Português",
        direction: "ltr",
        event_text: "Deixe seu e-mail para participar do sorteio.",
        event_prizes: "10 vouchers para 3 certificações em nuvem",
        label: "E-mail",
        button: "Participar",
        sending: "Enviando seu e-mail…",
        retrying: "Muita gente ao mesmo tempo. Tentando de novo automaticamente, mantenha esta página aberta…",
        empty: "Digite seu e-mail.",
        too_long: "Este e-mail é longo demais.",
        malformed: "Isto não parece um e-mail. Deve ser como nome@example.com.",
        busy: "Muita gente ao mesmo tempo. Seu e-mail ainda não foi registrado: tente de novo em alguns segundos.",
        error_title: "Erro",
        busy_title: "Tente de novo",
        registered_title: "Você está no sorteio",
        registered_text: "Seu e-mail está registrado. Não precisa fazer mais nada: boa sorte!",
        another: "Registrar outro e-mail",
        lost_title: "Não há nada aqui",
        lost_text: "O formulário está na primeira página.",
        to_form: "Ir para o formulário",
        privacy: "Cada e-mail participa uma vez. Ele é usado somente para o sorteio.",
        languages: "Idioma",
    },
    Texts {
        tag: "ja",
        name: "日本語",
        direction: "ltr",
        event_text: "メールアドレスを登録して抽選に参加してください。",
        event_prizes: "クラウド認定3種のバウチャーを10名様に",
        label: "メールアドレス",
        button: "参加する",
        sending: "送信しています…",
        retrying: "アクセスが集中しています。自動的に再送信しますので、このページを開いたままお待ちください…",
        empty: "メールアドレスを入力してください。",
        too_long: "メールアドレスが長すぎます。",
        malformed: "メールアドレスの形式が正しくありません。name@example.com のように入力してください。",
        busy: "アクセスが集中しています。まだ登録されていません。数秒後にもう一度お試しください。",
        error_title: "エラー",
        busy_title: "もう一度お試しください",
        registered_title: "抽選への参加を受け付けました",
        registered_text: "メールアドレスを登録しました。これで完了です。幸運を祈ります！",
        another: "別のアドレスを登録する",
        lost_title: "ページが見つかりません",
        lost_text: "登録フォームは最初のページにあります。",
        to_form: "フォームへ",
        privacy: "参加は1つのアドレスにつき1回です。アドレスは抽選にのみ使用します。",
        languages: "言語",
    },
    Texts {
        tag: "ar",
        name: "العربية",
        direction: "rtl",
        event_text: "اترك بريدك الإلكتروني للمشاركة في السحب.",
        event_prizes: "10 قسائم لثلاث شهادات سحابية",
        label: "البريد الإلكتروني",
        button: "شارك",
        sending: "جارٍ إرسال بريدك الإلكتروني…",
        retrying: "هناك عدد كبير من الزوار في الوقت نفسه. ستُعاد المحاولة تلقائيًا، أبقِ هذه الصفحة مفتوحة…",
        empty: "يرجى إدخال بريدك الإلكتروني.",
        too_long: "هذا البريد الإلكتروني طويل جدًا.",
        malformed: "لا يبدو هذا بريدًا إلكترونيًا. يجب أن يكون مثل name@example.com.",
        busy: "هناك عدد كبير من الزوار في الوقت نفسه. لم يُسجَّل بريدك بعد: يرجى المحاولة مجددًا بعد بضع ثوانٍ.",
        error_title: "خطأ",
        busy_title: "يرجى المحاولة مجددًا",
        registered_title: "أنت مشارك في السحب",
        registered_text: "تم تسجيل بريدك الإلكتروني. لا حاجة إلى شيء آخر: حظًا سعيدًا!",
        another: "تسجيل بريد آخر",
        lost_title: "لا يوجد شيء هنا",
        lost_text: "النموذج في الصفحة الأولى.",
        to_form: "إلى النموذج",
        privacy: "يشارك كل بريد مرة واحدة، ويُستخدم للسحب فقط.",
        languages: "اللغة",
    },
];
