<?php
// Enough of WordPress to run the plugin once, as said on standard input, and to print what it printed and kept.
define( 'ABSPATH', '/' );

$case    = json_decode( file_get_contents( 'php://stdin' ), true );
$options = array( 'csai_chat' => $case['option'] ?? array() );
$errors  = array();
$hooks   = array();
if ( isset( $case['secret'] ) ) {
	define( 'CSAI_IDENTITY_SECRET', $case['secret'] );
}

function add_action( $name, $callback ) { global $hooks; $hooks[ $name ] = $callback; }
function register_uninstall_hook( $file, $callback ) { global $hooks; $hooks['uninstall'] = $callback; }
function get_option( $name, $default ) { global $options; return $options[ $name ] ?? $default; }
function delete_option( $name ) { global $options; unset( $options[ $name ] ); }
function is_user_logged_in() { global $case; return isset( $case['user'] ); }
function get_current_user_id() { global $case; return $case['user'] ?? 0; }
function current_user_can( $capability ) { global $case; return 'manage_options' === $capability && ! empty( $case['admin'] ); }
function wp_json_encode( $value ) { return json_encode( $value ); }
function esc_attr( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
function esc_html( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
function esc_url_raw( $url, $protocols ) {
	$scheme = strtolower( (string) parse_url( $url, PHP_URL_SCHEME ) );
	return in_array( $scheme, $protocols, true ) ? preg_replace( '/[^a-z0-9-~+_.?#=!&;,\/:%@$|*\'()\[\]]/i', '', $url ) : '';
}
function untrailingslashit( $text ) { return rtrim( $text, '/\\' ); }
function __( $text ) { return $text; }
function esc_html_e( $text ) { echo esc_html( $text ); }
function get_admin_page_title() { return 'csai chat'; }
function settings_fields( $group ) { echo "<input type='hidden' name='_wpnonce' value='nonce-of-$group'>"; }
function submit_button() { echo '<button>Save Changes</button>'; }
function selected( $one, $other ) { echo $one === $other ? "selected='selected'" : ''; }
function add_settings_error( $setting, $code, $message ) { global $errors; $errors[ $code ] = $message; }
function add_options_page( $title, $menu, $capability, $slug, $callback ) { global $pages; $pages[ $slug ] = $capability; }
function register_setting( $group, $name, $arguments ) { global $registered; $registered = $arguments; }
function wp_print_script_tag( $attributes ) {
	$written = '';
	foreach ( $attributes as $name => $value ) {
		$written .= true === $value ? " $name" : sprintf( ' %s="%s"', $name, esc_attr( $value ) );
	}
	echo "<script$written></script>\n";
}

require __DIR__ . '/../../../docs/embedding/wordpress/csai-chat/csai-chat.php';

ob_start();
$result = call_user_func( $hooks[ $case['do'] ] ?? $case['do'], ...( $case['arguments'] ?? array() ) );
echo json_encode(
	array(
		'printed'   => ob_get_clean(),
		'result'    => $result,
		'errors'    => (object) $errors,
		'options'   => (object) $options,
		'pages'     => $pages ?? null,
		'is_cached' => ! defined( 'DONOTCACHEPAGE' ),
	)
);
